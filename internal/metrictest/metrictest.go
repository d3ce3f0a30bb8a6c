// Package metrictest checks queries against the source of the programs that serve the
// metrics: after a metric is renamed, an alert would never fire and a panel would stay
// empty.
package metrictest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	ours = regexp.MustCompile(`scalestack_[a-z_]+`)
	// prefixes are those that programs put before the names of many metrics.
	prefixes = []string{"scalestack_", "scalestack_shard_", "scalestack_reshard_"}
	// suffixes are those of a histogram's series.
	suffixes = []string{"_count", "_bucket", "_sum"}
)

// Source is the source of all programs below the repository's root, without tests.
func Source(t *testing.T, root string) string {
	t.Helper()
	var text strings.Builder
	for _, dir := range []string{"sharding", "services/users", "internal/edge/analytics"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, dir), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			data, err := os.ReadFile(path)
			text.Write(data)
			return err
		}))
	}
	backups, err := os.ReadFile(filepath.Join(root, "components/postgres/backup.py"))
	require.NoError(t, err)
	text.Write(backups)
	return text.String()
}

// Names are the programs' metrics that a query asks for.
func Names(expr string) []string { return ours.FindAllString(expr, -1) }

// RequireDeclared requires that some program has each of the programs' metrics that the
// query asks for, and returns how many those are.
func RequireDeclared(t *testing.T, source, expr string) int {
	t.Helper()
	names := Names(expr)
	for _, name := range names {
		for _, suffix := range suffixes {
			name = strings.TrimSuffix(name, suffix)
		}
		require.True(t, slices.ContainsFunc(prefixes, func(prefix string) bool {
			rest, ok := strings.CutPrefix(name, prefix)
			return ok && (strings.Contains(source, `"`+name+`"`) || strings.Contains(source, `("`+rest+`"`))
		}), "no program has %s", name)
	}
	return len(names)
}
