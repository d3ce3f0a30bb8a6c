package reshard_test

import (
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/history"
	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/stretchr/testify/require"
)

// lease is short in tests, and longer than any cutover here takes.
const lease = 1500 * time.Millisecond

// fenced counts the buckets that refuse writers, on all shards.
func (c *cluster) fenced() (all int) {
	for id, server := range c.Servers {
		all += server.Count(pgtest.Database(id), "SELECT count(*) FROM scalestack.ownership WHERE state = 'fenced' AND coalesce(fenced_until > clock_timestamp(), true)")
	}
	return all
}

// putEverywhere changes a user of each bucket; the history keeps it.
func (c *clients) putEverywhere() {
	for bucket := range int64(buckets) {
		// Of the users that the load leaves alone.
		id := 2*hot*loadWorkers + bucket
		write := c.history.Write(id, "After a death")
		user, _, err := c.store.Put(c.t.Context(), id, accounts.Profile{Name: "After a death", Email: history.Email(id)})
		require.NoError(c.t, err, "bucket %d", bucket)
		write.Acknowledged(user.Version)
	}
}

// A mover that dies behind its fence and is never started again holds up
// writers for as long as the lease, and no longer.
func TestWritersGoOnAfterTheMoverHasDied(t *testing.T) {
	const existing = 8_000
	c := startCluster(t, 3, existing)
	l := startLoad(t, c.store(), existing)
	for n, state := range []reshard.State{reshard.Fenced, reshard.Drained} {
		m := c.flip(n)
		require.False(t, c.startMover(m, state).wait(t), "not killed at %q", state)
		require.Positive(t, c.fenced(), "the lease has ended too early for this test")
		require.Eventually(t, func() bool { return c.fenced() == 0 }, 2*lease, 10*time.Millisecond)
		l.putEverywhere()
		require.Len(t, c.owners(), buckets, "no bucket is fenced any more")

		require.True(t, c.startMover(m, "").wait(t), "after a kill at %q", state)
		require.Equal(t, m.Assignment, c.owners())
		c.requireClean()
	}
	l.end(c)
	require.Empty(t, l.errors)
}

// A mover that is late does not hand over what was written meanwhile: it begins
// the cutover again.
func TestALateMoverDoesNotHandOver(t *testing.T) {
	const existing = 8_000
	c := startCluster(t, 3, existing)
	l := startLoad(t, c.store(), existing)
	for n, state := range []reshard.State{reshard.Fenced, reshard.Drained} {
		o := c.options(c.flip(n))
		o.Lease, o.Batch = lease, buckets
		reached := map[reshard.State]int{}
		o.OnState = func(mv reshard.Move) {
			if reached[mv.State]++; mv.State != state || reached[state] > 1 {
				return
			}
			require.Eventually(t, func() bool { return c.fenced() == 0 }, 2*lease, 10*time.Millisecond)
			l.putEverywhere()
		}
		require.NoError(t, c.run(o))
		require.Greater(t, reached[reshard.Fenced], reached[reshard.HandedOver], "late at %q", state)
		require.Equal(t, o.Map.Assignment, c.owners())
		c.requireClean()
	}
	l.end(c)
	require.Empty(t, l.errors)
}

// The way back has the same fence, on the target.
func TestTheFenceOfARollbackLapses(t *testing.T) {
	const existing = 8_000
	c := startCluster(t, 3, existing)
	before := c.owners()
	l := startLoad(t, c.store(), existing)
	m := c.desired(3)
	require.False(t, c.startMover(m, reshard.Switched).wait(t))
	operator := reshard.New(c.options(m))
	_, err := operator.Rollback(t.Context())
	require.NoError(t, err)
	require.False(t, c.startMover(m, reshard.Returning).wait(t))
	// As if it had died a moment later.
	c.Servers[2].Exec(pgtest.Database(2), `UPDATE scalestack.ownership
		SET state = 'fenced', epoch = epoch + 1, fenced_until = clock_timestamp() + '500 ms' WHERE state = 'owned'`)
	require.Eventually(t, func() bool { return c.fenced() == 0 }, 2*lease, 10*time.Millisecond)
	l.putEverywhere()
	var ended *reshard.EndedError
	require.ErrorAs(t, operator.Finish(t.Context()), &ended)
	require.Equal(t, reshard.RolledBack, ended.Move.State)
	require.Equal(t, before, c.owners())
	c.requireClean()
	l.end(c)
	require.Empty(t, l.errors)
}
