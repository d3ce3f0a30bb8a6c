package reshard_test

import (
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

// everybody is who is on any shard, in its table or set aside.
func (c *cluster) everybody() map[int64]bool {
	all := map[int64]bool{}
	for id := range c.Servers {
		c.addUsers(all, id, false)
		c.addUsers(all, id, true)
	}
	return all
}

// Two shards are restored to different moments between which buckets moved in both
// directions, with a move under way at one of them. The reconciliation is killed after
// each third of its changes, beside clients that write.
func TestReconcileKilledAtItsSteps(t *testing.T) {
	c := startCluster(t, 3, restoredUsers)
	first := c.Servers[0].Keep()
	require.NoError(t, c.run(c.options(c.desired(3))))
	// A move from shard 2 to shard 0 has begun, and is not handed over.
	require.False(t, c.startMover(c.desired(3, 2), reshard.CaughtUp).wait(t), "not killed")
	second := c.Servers[2].Keep()
	require.NoError(t, c.run(c.options(c.desired(3, 2))))
	everybody := c.everybody()

	var written atomic.Int64
	// All steps take minutes; with the variable they are made.
	every := 3
	if os.Getenv(runsVariable) != "" {
		every = 1
	}
	for kill := 1 + int(time.Now().UnixNano())%every; ; kill += every {
		c.Servers[0].Restore(first, "friday")
		c.Servers[2].Restore(second, "friday")
		stop := c.write(&written)
		killed := !c.startProcess(moverArgs{Map: c.Map, Shards: c.Admin, Reconcile: kill, Observe: time.Second, Lease: lease}).wait(t)
		_, err := c.reconcile(reshard.ReconcileOptions{Apply: true})
		require.NoError(t, err, "killed at change %d", kill)
		c.requireNothing()
		c.owners()
		stop()
		now := c.everybody()
		for id := range everybody {
			require.True(t, now[id], "killed at change %d: user %d is gone", kill, id)
		}
		t.Logf("killed at change %d", kill)
		if !killed {
			require.Greater(t, kill, 8, "fewer changes than expected")
			break
		}
	}
	require.NoError(t, c.run(c.options(c.desired(3))))
	c.requireClean()
	require.Positive(t, written.Load())
}

// write puts new users wherever that is possible.
func (c *cluster) write(written *atomic.Int64) (stop func()) {
	store, ended, done := c.store(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for id := int64(1_000_000); ; id++ {
			select {
			case <-ended:
				return
			default:
			}
			if _, _, err := store.Put(c.t.Context(), id, accounts.Profile{Name: "Written"}); err == nil {
				written.Add(1)
			}
		}
	}()
	return func() { close(ended); <-done }
}

// keep notes what every shard is at this moment.
func (c *cluster) keep() (moments []pgtest.Moment) {
	for _, server := range c.Servers {
		moments = append(moments, server.Keep())
	}
	return moments
}

// The shards of a stack are restored to one moment, each by its own clock: two of them
// come to different sides of a move.
func TestReconcileShardsOnBothSidesOfAMove(t *testing.T) {
	c := startCluster(t, 3, restoredUsers)
	before := c.keep()
	require.False(t, c.startMover(c.desired(3), reshard.Switched).wait(t), "not killed")
	after := c.keep()
	everybody := c.everybody()
	for name, late := range map[string][]bool{"giver-late": {true, false, false}, "taker-late": {false, false, true}, "all-late": {true, true, true}, "none": {false, false, false}} {
		t.Run(name, func(t *testing.T) {
			for id := range c.Servers {
				moment := before[id]
				if late[id] {
					moment = after[id]
				}
				c.Servers[id].Restore(moment, name)
			}
			_, err := c.reconcile(reshard.ReconcileOptions{Apply: true})
			require.NoError(t, err)
			c.requireNothing()
			// What can go on is ended by the mover.
			require.NoError(t, c.run(c.options(&shardmap.Map{Format: c.Map.Format, Cluster: c.Map.Cluster, Generation: 1, Buckets: buckets, InitialShards: 2,
				Assignment: c.owners(), Shards: c.Map.Shards})))
			c.requireClean()
			require.Equal(t, restoredUsers, c.rows(), "everybody once")
			require.Equal(t, everybody, c.everybody())
		})
	}
}
