package reshard_test

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/stretchr/testify/require"
)

// What a move does not see in the stream, the comparisons must see.
func TestDifferencesAreFound(t *testing.T) {
	c := startCluster(t, 3, 1_000)
	before := c.owners()
	assignment := c.desired(3).Assignment
	// The first bucket that goes to shard 2, which shard 0 gives away first.
	bucket := 0
	for assignment[bucket] != 2 || bucket%2 != 0 {
		bucket++
	}
	for name, test := range map[string]struct {
		at     reshard.State
		server int
		sql    string
	}{
		"a row less, before the first comparison":    {reshard.CaughtUp, 2, "DELETE FROM accounts WHERE user_id = $1"},
		"another value, before the first comparison": {reshard.CaughtUp, 2, "UPDATE accounts SET name = 'x' WHERE user_id = $1"},
		"a row less, after it":                       {reshard.Armed, 2, "DELETE FROM accounts WHERE user_id = $1"},
		"another value, after it":                    {reshard.Armed, 2, "UPDATE accounts SET name = 'x' WHERE user_id = $1"},
		"a row more, after it":                       {reshard.Armed, 2, "INSERT INTO accounts (user_id, name, email) VALUES ($1 + 60000, 'x', 'x')"},
		"a change that gets lost":                    {reshard.Armed, 0, "UPDATE accounts SET name = 'y' WHERE user_id = $1"},
	} {
		t.Run(name, func(t *testing.T) {
			o := c.options(c.desired(3))
			done := false
			o.OnState = func(mv reshard.Move) {
				if mv.State != test.at || done {
					return
				}
				done = true
				c.tamper(test.server, test.sql, bucket)
			}
			err := c.run(o)
			require.ErrorContains(t, err, "was aborted: source and target differ: public.accounts, bucket ")
			require.Equal(t, before, c.owners())
			c.requireClean()
		})
	}
	require.NoError(t, c.run(c.options(c.desired(3))))
	c.requireClean()
	require.Equal(t, 1_000, c.rows())
}

// A commit is with the target before the source shows it, for as long as its process gets
// no processor. That is no difference, however often it is looked at.
func TestACommitThatDoesNotShowYet(t *testing.T) {
	c := startCluster(t, 3, 1_000)
	source, database := c.Servers[0], pgtest.Database(0)
	standby := func(name string) {
		source.Exec("postgres", "ALTER SYSTEM SET synchronous_standby_names = '"+name+"'")
		source.Exec("postgres", "SELECT pg_reload_conf()")
	}
	// The first bucket that shard 0 gives away is that of a user with the bucket's number.
	user := int64(0)
	for user%2 != 0 || c.desired(3).Assignment[user] != 2 {
		user++
	}
	ended := make(chan error, 1)
	o := c.options(c.desired(3))
	var once sync.Once
	o.OnState = func(mv reshard.Move) {
		if mv.State == reshard.Armed {
			once.Do(func() {
				standby("nobody")
				conn := source.Admin(database)
				t.Cleanup(func() { _ = conn.Close(context.Background()) })
				go func() {
					_, err := conn.Exec(context.Background(), fmt.Sprintf("SET synchronous_commit = on; SELECT scalestack.hold(%[1]d); UPDATE accounts SET name = 'late' WHERE user_id = %[1]d", user))
					ended <- err
				}()
				require.Eventually(t, func() bool {
					return source.Count(database, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") == 1
				},
					2*time.Second, 10*time.Millisecond)
				process := int(conn.PgConn().PID())
				require.NoError(t, syscall.Kill(process, syscall.SIGSTOP))
				standby("")
				time.AfterFunc(2*time.Second, func() { _ = syscall.Kill(process, syscall.SIGCONT) })
			})
		}
	}
	require.NoError(t, c.run(o))
	require.NoError(t, <-ended)
	require.EqualValues(t, 1, c.Servers[2].Count(pgtest.Database(2), fmt.Sprintf("SELECT count(*) FROM accounts WHERE user_id = %d AND name = 'late'", user)))
	c.requireClean()
}

// A truncation is not carried by the stream and lists no rows.
func TestATruncationIsFound(t *testing.T) {
	c := startCluster(t, 3, 1_000)
	before := c.owners()
	for server, state := range map[int]reshard.State{0: reshard.Verified, 2: reshard.Armed} {
		o := c.options(c.desired(3))
		o.OnState = func(mv reshard.Move) {
			if mv.State == state {
				c.Servers[server].Exec(pgtest.Database(server), "SET session_replication_role = replica; TRUNCATE notes")
			}
		}
		require.ErrorContains(t, c.run(o), "was aborted: a sharded table was truncated")
		require.Equal(t, before, c.owners())
		c.requireClean()
	}
}

// Without its watch a mover knows nothing of the comparison, and compares again.
func TestAWatchThatEndsIsBegunAgain(t *testing.T) {
	c := startCluster(t, 3, 1_000)
	for n, test := range []struct {
		at     reshard.State
		server int
	}{{reshard.Armed, 0}, {reshard.Verified, 2}} {
		o := c.options(c.flip(n))
		reached := map[reshard.State]int{}
		o.OnState = func(mv reshard.Move) {
			if reached[mv.State]++; mv.State == test.at && reached[mv.State] == 1 {
				watches := func(what string) int {
					return c.Servers[test.server].Count(pgtest.Database(test.server),
						"SELECT count("+what+") FROM pg_replication_slots WHERE slot_name LIKE '%watch'")
				}
				require.Equal(t, 1, watches("pg_terminate_backend(active_pid)"))
				require.Eventually(t, func() bool { return watches("*") == 0 }, 10*time.Second, 10*time.Millisecond)
			}
		}
		require.NoError(t, c.run(o))
		require.Equal(t, reached[reshard.Complete]+1, reached[reshard.Verified], "compared once more")
		require.Equal(t, o.Map.Assignment, c.owners())
		c.requireClean()
	}
}

// tamper changes a row behind the back of the fence. On the source it also makes
// the change invisible to the stream.
func (c *cluster) tamper(server int, sql string, id int) {
	conn := c.Servers[server].Admin(pgtest.Database(server))
	defer conn.Close(c.t.Context())
	for _, statement := range []string{
		"SET session_replication_role = replica",
		"SELECT pg_replication_origin_create('tampering')",
		"SELECT pg_replication_origin_session_setup('tampering')",
	} {
		_, err := conn.Exec(c.t.Context(), statement)
		require.NoError(c.t, err)
	}
	tag, err := conn.Exec(c.t.Context(), sql, id)
	require.NoError(c.t, err)
	require.EqualValues(c.t, 1, tag.RowsAffected())
	_, err = conn.Exec(c.t.Context(), "SELECT pg_replication_origin_session_reset(), pg_replication_origin_drop('tampering')")
	require.NoError(c.t, err)
}
