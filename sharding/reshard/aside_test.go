package reshard_test

import (
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/stretchr/testify/require"
)

// setAside counts what is kept on a shard.
func (c *cluster) setAside(shard int) int {
	c.t.Helper()
	return c.count(shard, "SELECT count(*) FROM scalestack.set_aside")
}

// requireNoneSetAside says that moves have set aside nothing of their own.
func (c *cluster) requireNoneSetAside() {
	c.t.Helper()
	for id := range c.Servers {
		require.Zero(c.t, c.setAside(id), "shard %d", id)
	}
}

// straysOf puts rows of a bucket where it is not, as a fence that is off lets in.
func (c *cluster) straysOf(shard, bucket int) {
	c.t.Helper()
	conn := c.Servers[shard].Admin(pgtest.Database(shard))
	defer conn.Close(c.t.Context())
	_, err := conn.Exec(c.t.Context(), "SET session_replication_role = replica")
	require.NoError(c.t, err)
	_, err = conn.Exec(c.t.Context(), "INSERT INTO accounts (user_id, name, email) SELECT $1 + 60000 * n, 'stray', 'x' FROM generate_series(1, 3) AS n", bucket)
	require.NoError(c.t, err)
}

// Rows that lie in the target before a move came in some other way, and may be the only
// ones of their users. They are kept, also when the move is refused.
func TestStraysAreSetAside(t *testing.T) {
	c := startCluster(t, 3, 200)
	c.straysOf(2, c.movingBucket())
	c.everywhere("ALTER TABLE accounts DISABLE TRIGGER fence")
	require.ErrorContains(t, c.run(c.options(c.desired(3))), "was aborted: refused")
	require.Equal(t, 3, c.setAside(2))
	c.straysOf(2, c.movingBucket())
	c.everywhere("ALTER TABLE accounts ENABLE TRIGGER fence")
	require.NoError(t, c.run(c.options(c.desired(3))))
	require.Equal(t, 6, c.setAside(2))
	require.Equal(t, 6, c.count(2, "SELECT count(*) FROM scalestack.set_aside, CAST(as_text AS accounts) AS r WHERE r.name = 'stray' AND key = r.user_id AND bucket = $1", c.movingBucket()))
	require.Equal(t, 200, c.rows())
	c.requireClean()
	require.Zero(t, c.setAside(0)+c.setAside(1))
}

// A table that is adopted after the hand-over had its rows before, and no stream has
// carried them.
func TestRowsOfATableThatWasAdoptedLate(t *testing.T) {
	c := startCluster(t, 3, 200)
	c.everywhere("CREATE TABLE orders (user_id bigint PRIMARY KEY)")
	c.sql(0, "INSERT INTO orders VALUES ($1)", c.movingBucket())
	o := c.options(c.desired(3))
	o.Observe = time.Second
	onceAt(&o, reshard.Switched, func(reshard.Move) { c.everywhere("SELECT scalestack.adopt('orders')") })
	require.NoError(t, c.run(o))
	c.requireClean()
	require.Zero(t, c.count(0, "SELECT count(*) FROM orders"))
	require.Equal(t, 1, c.count(0, "SELECT count(*) FROM scalestack.set_aside, CAST(as_text AS orders) AS r WHERE source = 'public.orders' AND r.user_id = $1", c.movingBucket()))
	require.Zero(t, c.setAside(2))
}

// A move that an earlier release began says of no table that it carries it: its rows are
// deleted, as that release would have.
func TestAMoveOfAnEarlierReleaseIsFinished(t *testing.T) {
	c := startCluster(t, 3, 200)
	for n, state := range []reshard.State{reshard.Planned, reshard.Copied, reshard.Switched, reshard.Observed} {
		m := c.flip(n)
		require.False(t, c.startMover(m, state).wait(t), "not killed")
		c.everywhere("UPDATE scalestack.move SET source_tables = NULL, target_tables = NULL, map = NULL")
		require.NoError(t, c.run(c.options(m)))
		require.Equal(t, m.Assignment, c.owners())
		c.requireClean()
		c.requireNoneSetAside()
	}
}
