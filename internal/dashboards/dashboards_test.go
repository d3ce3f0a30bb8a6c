package dashboards

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/scalestack/scalestack/internal/metrictest"
)

func TestTheProgramsHaveTheMetrics(t *testing.T) {
	source, seen := metrictest.Source(t, "../.."), 0
	for _, board := range All() {
		require.Regexp(t, "^[a-z]+$", board.Name)
		for _, panel := range board.Panels {
			require.NotEmpty(t, panel.Title)
			require.NotEmpty(t, panel.Meaning, panel.Title)
			require.NotEmpty(t, panel.Queries, panel.Title)
			for _, q := range panel.Queries {
				require.NotEmpty(t, q.Legend, panel.Title)
				require.Contains(t, q.Expr, `namespace="$namespace"`, panel.Title)
				seen += metrictest.RequireDeclared(t, source, q.Expr)
			}
		}
	}
	require.Greater(t, seen, 40)
}

// What Grafana reads has every panel in a place of its own, with its queries.
func TestTheJSON(t *testing.T) {
	for _, board := range All() {
		text, err := board.JSON()
		require.NoError(t, err)
		var read struct {
			UID    string
			Panels []struct {
				Title   string
				Type    string
				GridPos struct{ X, Y, W, H int }
				Targets []struct{ Expr string }
			}
			Templating struct{ List []struct{ Name string } }
		}
		require.NoError(t, json.Unmarshal(text, &read))
		require.Equal(t, "scalestack-"+board.Name, read.UID)
		require.Len(t, read.Panels, len(board.Panels))
		require.Len(t, read.Templating.List, 2)
		places := map[[2]int]bool{}
		for i, panel := range read.Panels {
			require.Equal(t, board.Panels[i].Title, panel.Title)
			require.Equal(t, "timeseries", panel.Type)
			require.Len(t, panel.Targets, len(board.Panels[i].Queries))
			require.LessOrEqual(t, panel.GridPos.X+panel.GridPos.W, 24)
			place := [2]int{panel.GridPos.X, panel.GridPos.Y}
			require.False(t, places[place], "%s: two panels at %v", board.Name, place)
			places[place] = true
		}
	}
}

// promtool parses every query, as the expression of a rule.
func TestEveryQueryIsPromQL(t *testing.T) {
	tool := os.Getenv("SCALESTACK_TEST_PROMTOOL")
	if tool == "" {
		t.Skip("SCALESTACK_TEST_PROMTOOL names no promtool: make alerts")
	}
	type rule struct {
		Record string            `yaml:"record"`
		Expr   string            `yaml:"expr"`
		Labels map[string]string `yaml:"labels"`
	}
	type group struct {
		Name  string `yaml:"name"`
		Rules []rule `yaml:"rules"`
	}
	var groups []group
	for _, board := range All() {
		g := group{Name: board.Name}
		for _, panel := range board.Panels {
			for _, q := range panel.Queries {
				g.Rules = append(g.Rules, rule{"query", q.Expand("shop"), map[string]string{"panel": panel.Title, "legend": q.Legend}})
			}
		}
		groups = append(groups, g)
	}
	text, err := yaml.Marshal(map[string]any{"groups": groups})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "queries.yaml")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	output, err := exec.Command(tool, "check", "rules", file).CombinedOutput()
	require.NoError(t, err, string(output))
}
