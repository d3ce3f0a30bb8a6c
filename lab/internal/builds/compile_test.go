package builds

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/lab/internal/step"
)

// A person who waits for a compile sees how much of it is done. The packages
// have a name of their own in each run, so that no cache has them.
func TestCompileCountsWhatIsLeft(t *testing.T) {
	dir := t.TempDir()
	module := "example.test/" + filepath.Base(filepath.Dir(dir))
	for name, content := range map[string]string{
		"go.mod":     "module " + module + "\n\ngo 1.26\n",
		"main.go":    "package main\n\nimport _ \"" + module + "/lib\"\n\nfunc main() {}\n",
		"lib/lib.go": "package lib\n\nconst Dir = \"" + dir + "\"\n",
	} {
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(content), 0o644))
	}
	var shown strings.Builder
	r := step.Runner{Out: &shown, LogOf: func(name string) string { return filepath.Join(dir, name+".log") }}
	c := compilation{dir: dir, pkg: ".", target: filepath.Join(dir, "bin"), ldflags: "-s -w"}
	require.NoError(t, r.Do(t.Context(), "build", "compile", func(ctx context.Context, log *step.Log) error { return c.run(ctx, log) }))
	require.FileExists(t, c.target)
	require.Contains(t, shown.String(), "2 of 2 packages compiled")
}
