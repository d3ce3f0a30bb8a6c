package tests

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/stack/summary"
)

// planned is the graph as a preview of its first deployment prints it.
func planned(t *testing.T, g *graph) string {
	t.Helper()
	var steps []object
	for _, one := range g.snapshots() {
		steps = append(steps, object{"op": "create", "urn": one.URN, "newState": object{"type": one.Type, "inputs": one.Inputs}})
	}
	text, err := json.Marshal(object{"steps": steps})
	require.NoError(t, err)
	return string(text)
}

// The summary finds its figures by the names of the program's own resources.
func TestSummaryFindsEveryFigure(t *testing.T) {
	want := map[string][]string{
		"dev":     {"app: 3 to 10", "postgres: 4Gi", "kafka dual: 5Gi", "email: 1 to 4", "126 of 140 per shard (24 pods, 14 left)", "+ static: edge 30 d"},
		"staging": {"app: 3 to 10", "postgres: 80Gi", "kafka brokers: 150Gi", "160 of 180 per shard", "+ bypass-api: never cached"},
		"prod":    {"app: 3 to 10", "postgres: 2400Gi", "kafka brokers: 1500Gi", "355 of 400 per shard (28 pods, 45 left)", "+ js: edge 7 d"},
	}
	each(t, func(t *testing.T, env string, g *graph) {
		deployed, after, err := summary.FromPreview(strings.NewReader(planned(t, g)))
		require.NoError(t, err)
		text := summary.Text(deployed, after, nil)
		require.Contains(t, text, "nothing is deployed yet\n  shards       4 (new)\n  buckets      960 (new)\n")
		for _, line := range want[env] {
			require.Contains(t, text, line)
		}
	})
}
