package reshard_test

import (
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

// asSuperuser has the mover log in as the release before package owner did.
func (c *cluster) asSuperuser() { c.Admin = c.As("postgres", pgtest.SuperPassword) }

// killedAt runs a mover that dies in a state of a move.
func (c *cluster) killedAt(m *shardmap.Map, state reshard.State) {
	c.t.Helper()
	p := c.startMover(m, state)
	require.False(c.t, p.wait(c.t), "not killed")
	require.Equal(c.t, -1, p.cmd.ProcessState.ExitCode(), "%s", p.output.String())
}

func (c *cluster) sendersOfTheSuperuser() (all int) {
	for _, server := range c.Servers {
		all += server.Count("postgres", "SELECT count(*) FROM pg_stat_replication WHERE usename = 'postgres'")
	}
	return all
}

// A mover of the release before, which is the superuser, dies in any state of a move. The pods take the shards over, and the mover
// goes on as its own role. The next round begins as the superuser again: that is the way back to the release before.
func TestAMoveThatTheSuperuserBegan(t *testing.T) {
	const existing = 2_000
	c := clusterOf(t, pgtest.StartUnowned(t, 3), existing)
	l := startLoad(t, c.store(), existing)
	for n, state := range forwardStates {
		t.Run(string(state), func(t *testing.T) {
			c.asSuperuser()
			m := c.flip(n)
			c.killedAt(m, state)
			c.Own()
			o, left := c.options(m), 0
			o.OnState = func(mv reshard.Move) {
				for n := 0; mv.State == reshard.Switched && state != reshard.Switched && n < 100; n++ {
					if left = c.sendersOfTheSuperuser(); left == 0 {
						return
					}
					time.Sleep(100 * time.Millisecond)
				}
			}
			require.NoError(t, c.run(o))
			require.Zero(t, left)
			require.Equal(t, m.Assignment, c.owners())
			c.requireClean()
		})
	}
	l.end(c)
	c.requireNoneSetAside()
}

// An operator takes such a move back.
func TestAMoveThatTheSuperuserBeganIsTakenBack(t *testing.T) {
	const existing = 1_000
	c := clusterOf(t, pgtest.StartUnowned(t, 3), existing)
	before := c.owners()
	for state, take := range map[reshard.State]func(*shardmap.Map) error{
		reshard.CaughtUp: func(m *shardmap.Map) error {
			_, err := reshard.New(c.options(m)).Abort(t.Context())
			return err
		},
		reshard.Switched: func(m *shardmap.Map) error {
			_, err := reshard.New(c.options(m)).Rollback(t.Context())
			return err
		},
	} {
		t.Run(string(state), func(t *testing.T) {
			c.asSuperuser()
			m := c.desired(3)
			c.killedAt(m, state)
			c.Own()
			require.NoError(t, take(m))
			var ended *reshard.EndedError
			require.ErrorAs(t, c.run(c.options(m)), &ended)
			require.Equal(t, before, c.owners())
			c.requireClean()
		})
	}
	require.Equal(t, existing, c.rows())
}
