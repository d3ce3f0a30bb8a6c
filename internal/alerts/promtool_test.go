package alerts

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// promtool is Prometheus' own tool, by which the rules are checked and tested: make
// alerts fetches it.
func promtool(t *testing.T) string {
	path := os.Getenv("SCALESTACK_TEST_PROMTOOL")
	if path == "" {
		t.Skip("SCALESTACK_TEST_PROMTOOL names no promtool: make alerts")
	}
	return path
}

// cases are promtool's unit tests: each alert fires where it should and nowhere else.
var cases = []string{"testdata/cases.yaml", "testdata/days.yaml"}

func TestAlertsFireAndStayQuiet(t *testing.T) {
	tool, dir := promtool(t), t.TempDir()
	run(t, tool, "check", "rules", write(t, dir, "checked.yaml", NewFile(Groups(Defaults()), Defaults())))
	for _, file := range cases {
		tests, err := os.ReadFile(file)
		require.NoError(t, err)
		testRules(t, tool, tests)
	}
}

// testRules puts the rules to promtool's unit tests.
func testRules(t *testing.T, tool string, tests []byte) {
	t.Helper()
	o, dir := Defaults(), t.TempDir()
	// promtool asks each rule for each minute: a day of samples each time would take minutes.
	o.GoneHours = 2
	file := NewFile(Groups(o), o)
	// promtool compares whole annotations, which would stand in the cases again.
	for _, group := range file.Groups {
		for i := range group.Rules {
			group.Rules[i].Annotations = nil
		}
	}
	write(t, dir, "rules.yaml", file)
	path := filepath.Join(dir, "cases.yaml")
	require.NoError(t, os.WriteFile(path, tests, 0o600))
	require.Contains(t, run(t, tool, "test", "rules", path), "SUCCESS")
}

func run(t *testing.T, tool string, args ...string) string {
	t.Helper()
	output, err := exec.Command(tool, args...).CombinedOutput()
	require.NoError(t, err, string(output))
	return string(output)
}

func write(t *testing.T, dir, name string, f File) string {
	t.Helper()
	text, err := Encode(f)
	require.NoError(t, err)
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return path
}

// Every alert is tested, both ways.
func TestEveryAlertHasACase(t *testing.T) {
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, name := range cases {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		var file struct {
			Tests []struct {
				Rules []struct {
					Name   string `yaml:"alertname"`
					Alerts []any  `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
			}
		}
		require.NoError(t, yaml.Unmarshal(data, &file))
		for _, test := range file.Tests {
			for _, rule := range test.Rules {
				fires[rule.Name] = fires[rule.Name] || len(rule.Alerts) > 0
				quiet[rule.Name] = quiet[rule.Name] || len(rule.Alerts) == 0
			}
		}
	}
	var missing []string
	for _, r := range all() {
		if !fires[r.Name] || !quiet[r.Name] {
			missing = append(missing, r.Name)
		}
	}
	require.Empty(t, strings.Join(missing, " "), "without a case in which they fire and one in which they do not")
}
