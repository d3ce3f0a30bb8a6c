package paths

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// checkout makes a folder that looks like one, at a path of its own choice.
func checkout(t *testing.T, below string) string {
	t.Helper()
	top, err := os.MkdirTemp("", "lab")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(top) })
	repo := filepath.Join(top, below)
	require.NoError(t, os.MkdirAll(filepath.Join(repo, "lab", "cmd"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(repo, "Pulumi.yaml"), nil, 0o600))
	return repo
}

func TestFindLooksUpwards(t *testing.T) {
	repo := checkout(t, "repo")
	t.Chdir(filepath.Join(repo, "lab", "cmd"))
	p, err := Find()
	require.NoError(t, err)
	require.Equal(t, filepath.Join(repo, ".lab", "bin", "pulumi"), p.Bin("pulumi"))
}

func TestFindOutsideACheckout(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := Find()
	require.ErrorContains(t, err, "run the lab inside a checkout")
}

func TestFindRefusesALongPath(t *testing.T) {
	t.Chdir(checkout(t, strings.Repeat("long", 20)))
	_, err := Find()
	require.ErrorContains(t, err, "clone to a shorter path")
}
