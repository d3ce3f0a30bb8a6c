package reshard_test

import (
	"testing"

	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

// asSuperuser has the mover log in as the release before package owner did.
func (c *cluster) asSuperuser() { c.Admin = c.As("postgres", pgtest.SuperPassword) }

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
			require.False(t, c.startMover(m, state).wait(t), "not killed")
			c.Own()
			o := c.options(m)
			o.OnState = func(mv reshard.Move) {
				if mv.State == reshard.Switched {
					for id, server := range c.Servers {
						require.Zero(t, server.Count(pgtest.Database(id), "SELECT count(*) FROM pg_stat_replication WHERE usename = 'postgres'"))
					}
				}
			}
			require.NoError(t, c.run(o))
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
			require.False(t, c.startMover(m, state).wait(t), "not killed")
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
