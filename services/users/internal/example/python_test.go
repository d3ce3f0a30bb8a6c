// Package example_test runs the Python example on the service's own tables.
package example_test

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scalestack/scalestack/services/users/internal/redistest"
	"github.com/scalestack/scalestack/services/users/internal/shardtest"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/stretchr/testify/require"
)

// pythonVariable names a Python that has psycopg 3 and redis; default python3.
const pythonVariable = "SCALESTACK_TEST_PYTHON"

func TestPythonProfiles(t *testing.T) {
	python := cmp.Or(os.Getenv(pythonVariable), "python3")
	if output, err := exec.Command(python, "-c", "import psycopg, redis").CombinedOutput(); err != nil {
		t.Skipf("needs Python with examples/python/requirements.txt (%s names another Python): %s", pythonVariable, output)
	}
	shards, r := shardtest.Start(t, 2)
	cache := redistest.Start(t)
	store := users.NewStore(r, users.StoreOptions{})
	for _, id := range []int64{4, 7} {
		_, _, err := store.Put(t.Context(), id, users.Profile{Name: "Ada", Email: "ada@example.com"})
		require.NoError(t, err)
	}
	examples, err := filepath.Abs("../../../../examples/python")
	require.NoError(t, err)
	run := func(args ...string) string {
		cmd := exec.Command(python, append([]string{"-B"}, args...)...)
		cmd.Dir = examples
		cmd.Env = append(os.Environ(), "SCALESTACK_SHARD_MAP="+shards.App.MapFile, "SCALESTACK_SHARD_CREDENTIALS="+shards.App.Credentials,
			"SCALESTACK_REDIS_ADDRESS="+cache.Address, "SCALESTACK_REDIS_CREDENTIALS="+cache.Credentials)
		output, err := cmd.CombinedOutput()
		require.NoError(t, err, string(output))
		return strings.TrimSpace(string(output))
	}

	require.Equal(t, strings.Join([]string{
		`miss {"id": 4, "name": "Ada", "email": "ada@example.com", "version": 1}`,
		`hit {"id": 4, "name": "Ada", "email": "ada@example.com", "version": 1}`,
		`miss {"id": 7, "name": "Ada", "email": "ada@example.com", "version": 1}`,
		`miss null`,
		`hit null`,
	}, "\n"), run("profiles.py", "4", "4", "7", "99", "99"))

	require.Equal(t, "0 1", run("-c", `
from profiles import get_shard_connection
for id in (4, 7):
    with get_shard_connection(id) as conn: print(conn.execute("SELECT shard_id FROM scalestack.shard").fetchone()[0], end=" ")`))

	_, _, err = store.Put(t.Context(), 4, users.Profile{Name: "Ada L.", Email: "ada@example.com"})
	require.NoError(t, err)
	require.Equal(t, "hit 1 miss 2", run("-c", `
from profiles import forget_user_profile, get_user_profile
profile, source = get_user_profile(4)
print(source, profile["version"], end=" ")
forget_user_profile(4)
profile, source = get_user_profile(4)
print(source, profile["version"])`))
}
