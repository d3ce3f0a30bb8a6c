package postgres

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A look at the bucket of a shard that Patroni is still founding claims nothing.
const claims = `
import sys
sys.path.insert(0, sys.argv[1])
import backup
seen = []
backup.bucket.read_settings = lambda: {"shard": "shard-0", "intervalSeconds": 60}
backup.own_archive = lambda settings: seen.append(settings["shard"]) or sys.exit("claimed")
def cluster():
    members = {"away": None, "founding": [{"name": "a", "role": "replica", "state": "running custom bootstrap script"}],
               "founded": [{"name": "a", "role": "leader", "state": "running"}]}[sys.argv[2]]
    if members is None:
        raise ConnectionRefusedError
    return {"members": members}
backup.rest.cluster = cluster
backup.Backups().look()
print("left alone")
`

func TestAShardBeingFoundedClaimsNoArchive(t *testing.T) {
	data := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(data, "global"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(data, "global", "pg_control"), nil, 0o600))
	for patroni, want := range map[string]string{"away": "left alone\n", "founding": "left alone\n", "founded": "claimed\n"} {
		cmd := exec.Command("python3", "-I", "-B", "-c", claims, ".", patroni)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "PGDATA=" + data, "POD=a"}
		output, err := cmd.CombinedOutput()
		require.Equal(t, want == "claimed\n", err != nil, "%s", output)
		require.Equal(t, want, string(output), patroni)
	}
}
