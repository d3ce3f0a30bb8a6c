package router_test

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// pythonVariable names a Python that has psycopg 3; default python3.
const pythonVariable = "SCALESTACK_TEST_PYTHON"

const pythonPrelude = `
import sys, psycopg
from shards import NotAnswered, Shards
shards = Shards(sys.argv[1], sys.argv[2])
put = "INSERT INTO accounts (user_id, name, email) VALUES (%s, 'Ada', %s) ON CONFLICT (user_id) DO UPDATE SET version = accounts.version + 1 RETURNING version"
get = "SELECT scalestack.require_readable(wanted), version FROM (SELECT %s::bigint AS wanted) AS w LEFT JOIN accounts ON user_id = wanted"
count = "SELECT count(*) FROM accounts WHERE " + shards.owned()
`

// The example in examples/python keeps the contract that docs/client.md describes.
func TestPythonClient(t *testing.T) {
	python := cmp.Or(os.Getenv(pythonVariable), "python3")
	if output, err := exec.Command(python, "-c", "import psycopg").CombinedOutput(); err != nil {
		require.Empty(t, os.Getenv(pythonVariable), "the Python that is asked for has no psycopg 3: %s", output)
		t.Skipf("needs Python with psycopg 3 (pip install 'psycopg[binary]'; %s names another Python): %s", pythonVariable, output)
	}
	shards, _, _ := start(t, 2)
	examples, err := filepath.Abs("../../examples/python")
	require.NoError(t, err)
	run := func(script string) string {
		cmd := exec.Command(python, "-B", "-c", pythonPrelude+script, shards.App.MapFile, shards.App.Credentials)
		cmd.Env = append(os.Environ(), "PYTHONPATH="+examples)
		output, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s\n%s", err, output)
		}
		return strings.TrimSpace(string(output))
	}
	admin := func(shard int, sql string) { shards.Servers[shard].Exec(pgtest.Database(shard), sql) }

	require.Equal(t, "40 [(True, 1)] [(True, None)]", run(`
for id in range(-20, 20): shards.write(id, put, (id, f"{id}@example.com"))
print(sum(n for (n,) in shards.fan_out(count)), shards.read(-3, get, (-3,)), shards.read(99, get, (99,)))`))
	for id, server := range shards.Servers {
		require.Equal(t, 20, server.Count(pgtest.Database(id), "SELECT count(*) FROM accounts WHERE abs(user_id) % 2 = $1", id))
	}

	// Bucket 4 with its users -20, -8, 4 and 16 goes from shard 0 to shard 1.
	admin(1, "SET session_replication_role = replica; INSERT INTO accounts (user_id, name, email) SELECT id, 'Copy', id || '@example.com' FROM unnest('{-20,-8,4,16}'::bigint[]) AS id")
	require.Equal(t, "40", run("print(sum(n for (n,) in shards.fan_out(count)))"), "copies do not count")
	admin(0, "UPDATE scalestack.ownership SET state = 'moved', epoch = 3, owner = 1 WHERE bucket = 4")
	ended := make(chan string, 1)
	go func() {
		ended <- run(`print(shards.write(4, put, (4, "4@example.com")), sum(n for (n,) in shards.fan_out(count)))`)
	}()
	require.Never(t, func() bool { return len(ended) > 0 }, time.Second, 10*time.Millisecond)
	admin(1, "INSERT INTO scalestack.ownership (bucket, state, epoch, owner) VALUES (4, 'owned', 4, 1)")
	require.Equal(t, "[(2,)] 40", <-ended)
	require.Equal(t, "[(4, 'Copy')]", run(`print(shards.fan_out("SELECT user_id, name FROM accounts WHERE email = %s AND scalestack.owned(user_id)", ("4@example.com",)))`))

	// A statement that finds no row is refused where the user is not.
	require.Equal(t, "[] SS002", run(`
print(shards.write(4, "DELETE FROM accounts WHERE user_id = 4 AND name = 'nobody'"), end=" ")
try:
    with shards.connection(4) as conn: conn.execute("DELETE FROM accounts WHERE user_id = 4 AND name = 'nobody'")
except psycopg.Error as e: print(e.sqlstate)`))
	require.Equal(t, "1", run(`
with shards.connection(4) as conn: print(conn.execute("SELECT shard_id FROM scalestack.shard").fetchone()[0])`))

	// A shard from before the move owns the bucket as well.
	admin(0, "UPDATE scalestack.ownership SET state = 'owned', epoch = 1, owner = 0 WHERE bucket = 4")
	require.Equal(t, "refused", run(`
try: shards.verify()
except NotAnswered as e: print("refused")`))
	admin(0, "UPDATE scalestack.ownership SET state = 'moved', epoch = 3, owner = 1 WHERE bucket = 4")

	shards.Servers[1].Stop()
	require.Equal(t, "16 ['shard-1'] [1, 3, 4, 5, 7, 9, 11]", run(`
try: shards.fan_out(count)
except NotAnswered as e: print(sum(n for (n,) in e.rows), list(e.failures), e.missing)`))
}
