package reshard_test

import (
	"bytes"
	"context"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/stretchr/testify/require"
)

// idleWriter has written a user and does not commit until it is told to.
func (c *cluster) idleWriter(server int, database, sql string) (end func()) {
	c.t.Helper()
	conn := c.Servers[server].Admin(database)
	tx, err := conn.Begin(context.Background())
	require.NoError(c.t, err)
	_, err = tx.Exec(context.Background(), sql)
	require.NoError(c.t, err)
	var once sync.Once
	end = func() {
		once.Do(func() { _ = tx.Commit(context.Background()); _ = conn.Close(context.Background()) })
	}
	c.t.Cleanup(end)
	return end
}

// movingBucket is one that shard 0 gives to shard 2.
func (c *cluster) movingBucket() int {
	assignment := c.desired(3).Assignment
	bucket := 0
	for assignment[bucket] != 2 || bucket%2 != 0 {
		bucket++
	}
	return bucket
}

// A transaction that stays open for long is waited for with the copy in place.
func TestALongTransactionIsWaitedFor(t *testing.T) {
	c := startCluster(t, 3, 1_000)
	o := c.options(c.desired(3))
	counts := map[reshard.State]int{}
	var once sync.Once
	o.OnState = func(mv reshard.Move) {
		counts[mv.State]++
		if mv.State != reshard.Armed {
			return
		}
		once.Do(func() {
			end := c.idleWriter(0, pgtest.Database(0), "SELECT scalestack.hold("+strconv.Itoa(c.movingBucket())+")")
			time.AfterFunc(14*time.Second, end)
		})
	}
	require.NoError(t, c.run(o))
	require.Equal(t, counts[reshard.Complete], counts[reshard.Copied], "nothing was copied twice")
	require.Equal(t, o.Map.Assignment, c.owners())
	c.requireClean()
}

// A slot waits for every transaction that writes, of another database even. The
// mover says for which, and an operator can end it.
func TestASlotThatCannotBeMade(t *testing.T) {
	c := startCluster(t, 3, 1_000)
	before := c.owners()
	c.Servers[0].Exec("postgres", "CREATE TABLE elsewhere (n integer)")
	end := c.idleWriter(0, "postgres", "SET application_name = 'the slow one'; INSERT INTO elsewhere VALUES (1)")
	defer end()

	t.Run("is given up after the patience", func(t *testing.T) {
		o := c.options(c.desired(3))
		o.Patience = 2 * time.Second
		err := c.run(o)
		require.ErrorContains(t, err, "was aborted: ")
		require.ErrorContains(t, err, "shard-0: no replication slot in 2s; it waits for pid ")
		require.ErrorContains(t, err, "(the slow one, database postgres, user postgres, idle in transaction, open for ")
		require.Equal(t, before, c.owners())
		c.requireClean()
	})
	t.Run("is aborted", func(t *testing.T) {
		ended := make(chan error, 1)
		go func() { ended <- c.run(c.options(c.desired(3))) }()
		operator := reshard.New(c.options(c.desired(3)))
		require.Eventually(t, func() bool {
			return c.Servers[0].Count(pgtest.Database(0), "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_create_logical%' AND wait_event_type = 'Lock'") == 1
		}, 30*time.Second, 20*time.Millisecond)
		_, err := operator.Abort(t.Context())
		require.NoError(t, err)
		select {
		case err := <-ended:
			require.ErrorContains(t, err, "the operator wanted it")
		case <-time.After(10 * time.Second):
			require.Fail(t, "the abort has no effect")
		}
		c.requireClean()
	})
	end()
	require.NoError(t, c.run(c.options(c.desired(3))))
	c.requireClean()
}

// A writer that lifts a lapsed fence and stays open keeps its own bucket waiting,
// and no other.
func TestOneIdleWriterBehindALapsedFence(t *testing.T) {
	c := startCluster(t, 3, 1_000)
	o := c.options(c.desired(3))
	o.Lease, o.Batch, o.Observe = 300*time.Millisecond, buckets, 10*time.Millisecond
	store := c.store()
	var moving []int
	for bucket, owner := range o.Map.Assignment {
		if owner == 2 && bucket%2 == 0 {
			moving = append(moving, bucket)
		}
	}
	// Whoever goes through the buckets in their order has all others by then.
	others, idle := moving[:len(moving)-1], moving[len(moving)-1]
	var once sync.Once
	var end func()
	o.OnState = func(mv reshard.Move) {
		if mv.State != reshard.Fenced {
			return
		}
		once.Do(func() {
			require.Eventually(t, func() bool { return c.fenced() == 0 }, 10*time.Second, 5*time.Millisecond)
			end = c.idleWriter(0, pgtest.Database(0), "SELECT scalestack.hold("+strconv.Itoa(idle)+")")
			// The mover comes back, finds its fence lapsed, and lifts it.
			go func() {
				time.Sleep(3 * time.Second)
				for _, bucket := range others {
					ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
					_, _, err := store.Put(ctx, int64(bucket), accounts.Profile{Name: "Other", Email: "other@example.com"})
					cancel()
					if err != nil {
						t.Errorf("bucket %d: %v", bucket, err)
					}
				}
				end()
			}()
		})
	}
	require.NoError(t, c.run(o))
	require.Equal(t, o.Map.Assignment, c.owners())
	c.requireClean()
}

// dropBack breaks the way back as a slot that fell too far behind does.
func (c *cluster) dropBack() {
	c.t.Helper()
	const slots = "FROM pg_replication_slots WHERE slot_name LIKE '%\\_back'"
	require.Eventually(c.t, func() bool {
		conn := c.Servers[2].Admin(pgtest.Database(2))
		defer conn.Close(context.Background())
		_, _ = conn.Exec(c.t.Context(), "SELECT pg_terminate_backend(active_pid) "+slots+" AND active")
		_, err := conn.Exec(c.t.Context(), "SELECT pg_drop_replication_slot(slot_name) "+slots)
		return err == nil
	}, 10*time.Second, time.Millisecond)
}

// A rollback whose stream back is broken copies everything back, and loses no
// write that came since.
func TestARollbackWithoutItsStream(t *testing.T) {
	const existing = 2_000
	c := startCluster(t, 3, existing)
	before := c.owners()
	l := startLoad(t, c.store(), existing)
	o := c.options(c.desired(3))
	o.Observe = time.Minute
	operator := reshard.New(o)
	var once sync.Once
	o.OnState = func(mv reshard.Move) {
		if mv.State != reshard.Switched {
			return
		}
		once.Do(func() {
			cost, err := operator.WayBack(c.t.Context(), mv)
			require.NoError(t, err)
			require.Equal(t, "the stream back follows: writes pause for a moment", cost)
			c.dropBack()
			cost, err = operator.WayBack(c.t.Context(), mv)
			require.NoError(t, err)
			require.Regexp(t, "^the stream back has missed changes: about [0-9]+ rows are copied back first, while shard 2 goes on to serve them$", cost)
			time.Sleep(300 * time.Millisecond)
			_, err = operator.Rollback(c.t.Context())
			require.NoError(t, err)
		})
	}
	err := c.run(o)
	var ended *reshard.EndedError
	require.ErrorAs(t, err, &ended)
	require.Equal(t, reshard.RolledBack, ended.Move.State)
	require.Equal(t, before, c.owners())
	c.requireClean()
	l.end(c)
	require.Empty(t, l.errors)
}

// Whoever asked for a rollback can think better of it.
func TestARollbackIsStopped(t *testing.T) {
	c := startCluster(t, 3, 1_000)
	o := c.options(c.desired(3))
	operator := reshard.New(o)
	var rollback, resume sync.Once
	o.OnState = func(mv reshard.Move) {
		switch mv.State {
		case reshard.Switched:
			rollback.Do(func() { _, err := operator.Rollback(c.t.Context()); require.NoError(t, err) })
		case reshard.Returning:
			resume.Do(func() { _, err := operator.Resume(c.t.Context()); require.NoError(t, err) })
		}
	}
	require.NoError(t, c.run(o))
	require.Equal(t, o.Map.Assignment, c.owners())
	c.requireClean()
}

// The stream back is lost in the moment in which neither side owns the buckets:
// the target has given up, and the source has not claimed. The target owns again.
func TestARollbackThatLosesItsStreamBehindTheFence(t *testing.T) {
	const existing = 1_000
	c := startCluster(t, 3, existing)
	before := c.owners()
	m := c.desired(3)
	require.False(t, c.startMover(m, reshard.Switched).wait(t))
	operator := reshard.New(c.options(m))
	_, err := operator.Rollback(t.Context())
	require.NoError(t, err)
	require.False(t, c.startMover(m, reshard.Returning).wait(t))
	c.Servers[2].Exec(pgtest.Database(2), "UPDATE scalestack.ownership SET state = 'moved', epoch = epoch + 2, owner = 0 WHERE state = 'owned'")
	c.dropBack()
	var ended *reshard.EndedError
	require.ErrorAs(t, operator.Finish(t.Context()), &ended)
	require.Equal(t, reshard.RolledBack, ended.Move.State)
	require.Equal(t, before, c.owners())
	c.requireClean()
	require.Equal(t, existing, c.rows())
}

// A statement of the mover ends the session that runs it, as one does that takes all memory. Trying it for ever would take the
// server away from its users each time.
func TestAMoveThatLosesItsSessionsIsTakenBack(t *testing.T) {
	for server, state := range map[int]string{2: "the target, by the stream", 0: "the source, by the stream back"} {
		t.Run(state, func(t *testing.T) {
			c := startCluster(t, 3, 1_000)
			before := c.owners()
			c.Servers[server].Exec(pgtest.Database(server), `CREATE FUNCTION public.die() RETURNS event_trigger LANGUAGE plpgsql
				AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); END'`)
			c.Servers[server].Exec(pgtest.Database(server), `CREATE EVENT TRIGGER die ON ddl_command_start WHEN TAG IN ('CREATE SUBSCRIPTION') EXECUTE FUNCTION public.die()`)
			o := c.options(c.desired(3))
			o.Patience = 4 * time.Second
			err := c.run(o)
			var ended *reshard.EndedError
			require.ErrorAs(t, err, &ended)
			require.Regexp(t, `it has lost its sessions \d+ times in \d+s and came no further`, ended.Move.Reason)
			require.Equal(t, before, c.owners())
			c.requireClean()
			c.Servers[server].Exec(pgtest.Database(server), "DROP EVENT TRIGGER die")
			c.Servers[server].Exec(pgtest.Database(server), "DROP FUNCTION public.die()")
			require.NoError(t, c.run(c.options(o.Map)))
		})
	}
}

// What a cluster sets for its clients' sessions ends none of the mover's, and does not
// make its transactions see what was.
func TestAClustersDefaultsAreNotTheMovers(t *testing.T) {
	c := startCluster(t, 3, 1_000)
	for _, server := range c.Servers {
		for _, setting := range []string{"default_transaction_isolation = 'serializable'", "idle_session_timeout = '500ms'", "idle_in_transaction_session_timeout = '500ms'"} {
			server.Exec("postgres", "ALTER SYSTEM SET "+setting)
		}
		server.Exec("postgres", "SELECT pg_reload_conf()")
	}
	var log bytes.Buffer
	o := c.options(c.desired(3))
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	// Shard 1 has nothing to do meanwhile.
	o.Observe = 3 * time.Second
	require.NoError(t, c.run(o))
	require.NotContains(t, log.String(), "connecting again")
	require.Equal(t, o.Map.Assignment, c.owners())
	c.requireClean()
}
