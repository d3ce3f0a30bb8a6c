package reshard_test

import (
	"context"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

// takeBackAt makes the mover see an operator's wish at a state.
func (c *cluster) takeBackAt(m *shardmap.Map, state reshard.State) error {
	o := c.options(m)
	operator := reshard.New(o)
	done := false
	o.OnState = func(mv reshard.Move) {
		if mv.State != state || done {
			return
		}
		done = true
		wish := operator.Abort
		if state == reshard.HandedOver || state == reshard.Switched {
			wish = operator.Rollback
		}
		moves, err := wish(c.t.Context())
		require.NoError(c.t, err)
		require.Len(c.t, moves, 1)
	}
	return c.run(o)
}

func TestTakeBackFromEveryState(t *testing.T) {
	const existing = 4_000
	c := startCluster(t, 3, existing)
	l := startLoad(t, c.store(), existing)
	before := c.owners()
	for _, state := range forwardStates[:10] {
		t.Run(string(state), func(t *testing.T) {
			err := c.takeBackAt(c.desired(3), state)
			var ended *reshard.EndedError
			require.ErrorAs(t, err, &ended)
			require.ErrorContains(t, err, "the operator wanted it")
			want := reshard.Aborted
			if state == reshard.HandedOver || state == reshard.Switched {
				want = reshard.RolledBack
			}
			require.Equal(t, want, ended.Move.State)
			require.Equal(t, before, c.owners())
			c.requireClean()
		})
	}
	for _, state := range forwardStates[10:11] {
		t.Run("too late: "+string(state), func(t *testing.T) {
			o := c.options(c.desired(3))
			o.OnState = func(mv reshard.Move) {
				if mv.State == state {
					_, err := reshard.New(c.options(c.Map)).Rollback(t.Context())
					require.ErrorContains(t, err, "no move can be rolled back; move ")
					require.ErrorContains(t, err, "is observed")
				}
			}
			require.NoError(t, c.run(o))
		})
	}
	l.end(c)
	c.requireNoneSetAside()
	l.requireServed()
}

// A move that a person has taken back is not begun again by itself, also where the mover
// was away for a moment when the person came: it ends over that, once.
func TestAnAbortWhileTheMoverIsAway(t *testing.T) {
	c := startCluster(t, 3, 200)
	before := c.owners()
	operator := reshard.New(c.options(c.Map))
	for _, state := range []reshard.State{reshard.Copied, reshard.Switched} {
		t.Run(string(state), func(t *testing.T) {
			require.False(t, c.startMover(c.desired(3), state).wait(t))
			takeBack := operator.Abort
			if state == reshard.Switched {
				takeBack = operator.Rollback
			}
			_, err := takeBack(t.Context())
			require.NoError(t, err)
			var ended *reshard.EndedError
			require.ErrorAs(t, operator.Finish(t.Context()), &ended)
			require.Equal(t, before, c.owners())
			again := c.run(c.options(c.desired(3)))
			require.ErrorAs(t, again, &ended)
			require.ErrorContains(t, again, "the operator wanted it")
			require.Equal(t, before, c.owners())
		})
	}
	t.Run("killed as it ends", func(t *testing.T) {
		require.False(t, c.startMover(c.desired(3), reshard.Copied).wait(t))
		_, err := operator.Abort(t.Context())
		require.NoError(t, err)
		require.False(t, c.startMover(c.desired(3), reshard.Aborted).wait(t))
		require.ErrorContains(t, c.run(c.options(c.desired(3))), "the operator wanted it")
		require.Equal(t, before, c.owners())
	})
	require.NoError(t, c.run(c.options(c.desired(3))), "started once more")
	require.NotEqual(t, before, c.owners())
	c.requireClean()
}

// What was taken back from one map does not stop another, now or when the first is back.
func TestAnAbortIsForItsMap(t *testing.T) {
	c := startCluster(t, 3, 200)
	operator := reshard.New(c.options(c.Map))
	require.False(t, c.startMover(c.desired(3), reshard.Copied).wait(t))
	_, err := operator.Abort(t.Context())
	require.NoError(t, err)
	require.Error(t, operator.Finish(t.Context()))
	require.NoError(t, c.run(c.options(c.desired(3, 2))))
	require.NoError(t, c.run(c.options(c.desired(3))))
	c.requireClean()
}

func TestTakenBackWhileMoversDie(t *testing.T) {
	const existing = 2_000
	c := startCluster(t, 3, existing)
	l := startLoad(t, c.store(), existing)
	before := c.owners()
	operator := reshard.New(c.options(c.Map))
	for _, state := range []reshard.State{reshard.Copied, reshard.Drained, reshard.HandedOver, reshard.Switched} {
		for _, death := range []reshard.State{reshard.Aborting, reshard.Returning, reshard.Returned, reshard.Aborted, reshard.RolledBack} {
			t.Run(string(state)+"/"+string(death), func(t *testing.T) {
				require.False(t, c.startMover(c.desired(3), state).wait(t))
				_, abortErr := operator.Abort(t.Context())
				_, rollbackErr := operator.Rollback(t.Context())
				require.True(t, (abortErr == nil) != (rollbackErr == nil), "%v, %v", abortErr, rollbackErr)
				c.startMover(c.desired(3), death).wait(t)
				err := operator.Finish(t.Context())
				var ended *reshard.EndedError
				if err != nil {
					require.ErrorAs(t, err, &ended)
				}
				require.Equal(t, before, c.owners())
				c.requireClean()
				require.NoError(t, c.run(c.options(c.Map)), "another map's mover makes what was taken back the past")
			})
		}
	}
	l.end(c)
	c.requireNoneSetAside()
	l.requireServed()
}

func TestPauseAndResume(t *testing.T) {
	c := startCluster(t, 3, 1_000)
	o := c.options(c.desired(3))
	operator := reshard.New(o)
	paused := make(chan struct{})
	o.OnState = func(mv reshard.Move) {
		if mv.State == reshard.Copied && mv.Source == 0 {
			_, err := operator.Pause(context.Background())
			require.NoError(t, err)
			close(paused)
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- c.run(o) }()
	<-paused
	require.Never(t, func() bool { return len(ended) > 0 }, 500*time.Millisecond, 50*time.Millisecond)
	moves, err := operator.Status(t.Context(), false)
	require.NoError(t, err)
	require.Len(t, moves, 1)
	require.Equal(t, reshard.Copied, moves[0].State)
	require.Equal(t, reshard.WantPause, moves[0].Wanted)
	require.ErrorIs(t, reshard.New(withoutWait(o)).Finish(t.Context()), reshard.ErrBusy)
	_, err = operator.Resume(t.Context())
	require.NoError(t, err)
	require.NoError(t, <-ended)
	c.requireClean()
	_, err = operator.Pause(t.Context())
	require.EqualError(t, err, "no move can be paused: none is under way")
	moves, err = operator.Status(t.Context(), true)
	require.NoError(t, err)
	require.Len(t, moves, 2)
	require.Positive(t, moves[0].Pause)
}

func withoutWait(o reshard.Options) reshard.Options {
	o.LockWait = 100 * time.Millisecond
	o.OnState = nil
	return o
}

func TestRefusals(t *testing.T) {
	c := startCluster(t, 3, 1_000)
	before := c.owners()
	exec := func(server int, sql string) { t.Helper(); c.Servers[server].Exec(pgtest.Database(server), sql) }
	for name, test := range map[string]struct {
		server     int
		begin, end string
		message    string
	}{
		"schema": {2, "ALTER TABLE accounts ADD COLUMN extra text", "ALTER TABLE accounts DROP COLUMN extra",
			"shard-2: public.accounts has, unlike shard-0: column extra text"},
		"key": {0, "ALTER TABLE accounts DROP CONSTRAINT accounts_pkey", "ALTER TABLE accounts ADD PRIMARY KEY (user_id)",
			"user_id is not part of a primary key"},
		"identity": {0, "ALTER TABLE accounts REPLICA IDENTITY NOTHING", "ALTER TABLE accounts REPLICA IDENTITY DEFAULT",
			"the replica identity is neither a key nor FULL"},
		"a table of one shard": {2, "CREATE TABLE orders (user_id bigint PRIMARY KEY); SELECT scalestack.adopt('orders')",
			"DROP TABLE orders", "shard-0: the sharded table public.orders is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			exec(test.server, test.begin)
			defer exec(test.server, test.end)
			err := c.run(c.options(c.desired(3)))
			require.ErrorContains(t, err, "was aborted: refused: ")
			require.ErrorContains(t, err, test.message)
			require.Equal(t, before, c.owners())
			c.requireClean()
		})
	}
	t.Run("running DDL", func(t *testing.T) {
		conn := c.Servers[0].Admin(pgtest.Database(0))
		defer conn.Close(context.Background())
		_, err := conn.Exec(t.Context(), "BEGIN; LOCK TABLE accounts IN SHARE MODE")
		require.NoError(t, err)
		require.ErrorContains(t, c.run(c.options(c.desired(3))), "holds or wants ShareLock on public.accounts")
	})
	t.Run("another cluster's map", func(t *testing.T) {
		m := c.desired(3)
		m.Cluster = "other"
		require.ErrorContains(t, c.run(c.options(m)), "the cluster is test there and other in the map")
	})
	t.Run("a shard with buckets is missing", func(t *testing.T) {
		m := c.desired(3)
		m.Shards, m.Assignment = m.Shards[1:], make([]int, buckets)
		for bucket := range m.Assignment {
			m.Assignment[bucket] = 1
		}
		require.ErrorContains(t, c.run(c.options(m)), "no shard of the map owns bucket 0")
	})
	t.Run("two movers", func(t *testing.T) {
		conn := c.Servers[1].Admin(pgtest.Database(1))
		defer conn.Close(context.Background())
		_, err := conn.Exec(t.Context(), "SELECT pg_advisory_lock($1)", int64(0x72657368617264))
		require.NoError(t, err)
		require.ErrorIs(t, c.run(withoutWait(c.options(c.desired(3)))), reshard.ErrBusy)
	})
	require.Equal(t, before, c.owners())
	c.requireClean()
}
