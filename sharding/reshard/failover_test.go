package reshard_test

import (
	"sync"
	"testing"

	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

// failoverStates are those in which a failover means something else each time. With
// SCALESTACK_TEST_RUNS it is every state.
func failoverStates(t *testing.T) []reshard.State {
	if environment(t, runsVariable, 0) > 0 {
		return forwardStates
	}
	return []reshard.State{reshard.Copied, reshard.Drained, reshard.HandedOver, reshard.Switched}
}

// takeOverAt returns options with which a standby takes over from a server the first time
// that a state is written.
func (c *cluster) takeOverAt(m []int, server int, state reshard.State) reshard.Options {
	next := *c.Map
	next.Assignment = m
	standby := c.Servers[server].Follow()
	o := c.options(&next)
	var once sync.Once
	o.OnState = func(mv reshard.Move) {
		if mv.State == state {
			once.Do(standby.TakeOver)
		}
	}
	return o
}

// A standby takes over from source or target: the move ends, or is taken back and made
// again, and no write is lost.
func TestFailoversOfSourceAndTarget(t *testing.T) {
	c, end := underLoad(t, 2_000)
	c.atEachState(t, failoverStates(t), func(m *shardmap.Map, state reshard.State) error {
		return c.run(c.takeOverAt(m.Assignment, 0, state))
	})
	end()
}

// A target that lacks rows of what was handed over to it does not get the buckets.
func TestATargetThatLostRowsOfAHandOver(t *testing.T) {
	c := startCluster(t, 3, 1_000)
	m := c.desired(3)
	o := c.options(m)
	var moves []reshard.State
	var once sync.Once
	o.OnState = func(mv reshard.Move) {
		if mv.State.Done() {
			moves = append(moves, mv.State)
		}
		if mv.State == reshard.HandedOver {
			once.Do(func() {
				standby := c.Servers[2].Follow()
				c.tamper(2, "DELETE FROM accounts WHERE user_id = (SELECT user_id FROM accounts WHERE $1 = 0 LIMIT 1)", 0)
				standby.TakeOver()
			})
		}
	}
	require.NoError(t, c.run(o))
	require.Equal(t, reshard.Aborted, moves[0], "the source takes back what it had handed over")
	require.Equal(t, m.Assignment, c.owners())
	require.Equal(t, 1_000, c.rows())
	c.requireClean()
}
