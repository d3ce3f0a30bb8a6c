package alerts

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/metrictest"
)

func all() []Rule {
	var rules []Rule
	for _, group := range Groups(Defaults()) {
		rules = append(rules, group.Rules...)
	}
	return rules
}

const runbooks = "../../docs/runbooks"

// Each alert has a page, each page an alert, and the page says what the alert says.
func TestEveryAlertHasARunbook(t *testing.T) {
	pages := map[string]bool{}
	for _, r := range all() {
		page := r.Runbook()
		require.False(t, pages[page], "two alerts have %s", page)
		pages[page] = true
		text, err := os.ReadFile(filepath.Join(runbooks, page))
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(text), "# "+r.Name+"\n"), page)
		for _, part := range []string{"**Who is hurt.**", "**Find out.**", "**Do.**"} {
			require.Contains(t, string(text), part, page)
		}
	}
	entries, err := os.ReadDir(runbooks)
	require.NoError(t, err)
	for _, entry := range entries {
		require.True(t, pages[entry.Name()] || entry.Name() == "README.md", "%s is the page of no alert", entry.Name())
	}
	index, err := os.ReadFile(filepath.Join(runbooks, "README.md"))
	require.NoError(t, err)
	for page := range pages {
		require.Contains(t, string(index), "("+page+")")
	}
}

// Two stacks in one Prometheus have shards of the same names: nothing may be added up, or matched, across namespaces.
func TestRulesKeepNamespacesApart(t *testing.T) {
	matching := regexp.MustCompile(`\b(?:by|on) \(([^)]*)\)`)
	for _, r := range all() {
		for _, labels := range matching.FindAllStringSubmatch(r.Expr, -1) {
			require.Contains(t, strings.Split(labels[1], ", "), "namespace", "%s: %s", r.Name, r.Expr)
		}
		require.NotRegexp(t, `\b(sum|min|max|avg|count) ?\((rate|scalestack)`, r.Expr, "%s adds up everything", r.Name)
	}
}

// Each controller of Kafka counts what there is in the whole cluster.
func TestControllersAreNotAddedUp(t *testing.T) {
	for _, r := range all() {
		require.NotRegexp(t, `sum by \([^)]*\) \(kafka_controller_`, r.Expr, r.Name)
	}
}

func TestRulesAreComplete(t *testing.T) {
	require.Empty(t, Defaults().Check())
	for _, r := range all() {
		require.Regexp(t, `^[A-Z][A-Za-z]+$`, r.Name)
		require.Regexp(t, `^[0-9]+m$`, r.For, r.Name)
		require.Contains(t, []Severity{Critical, Warning}, r.Severity, r.Name)
		require.NotEmpty(t, r.Summary, r.Name)
		require.True(t, strings.HasSuffix(r.Description, "."), r.Name)
	}
}

func TestTheProgramsHaveTheMetrics(t *testing.T) {
	source, seen := metrictest.Source(t, "../.."), 0
	for _, r := range all() {
		seen += metrictest.RequireDeclared(t, source, r.Expr)
	}
	require.Greater(t, seen, 20)
}
