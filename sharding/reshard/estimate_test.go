package reshard_test

import (
	"testing"

	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

// estimate works as the service's role, which a preview in its pod has.
func (c *cluster) estimate(to *shardmap.Map) (*reshard.Estimate, error) {
	return reshard.NewEstimate(c.t.Context(), reshard.EstimateOptions{
		Current: c.Map, Desired: to, Connect: c.App.As("test").ConnConfig, Batch: 10, Log: testLog()})
}

func TestEstimate(t *testing.T) {
	const existing = 60_000
	c := startCluster(t, 3, existing)
	e, err := c.estimate(c.desired(3))
	require.NoError(t, err)
	require.Equal(t, 20, e.Minimum)
	require.Equal(t, 2, e.Batches)
	require.False(t, e.Measured)
	require.Len(t, e.Moves, 2)
	for id, move := range e.Moves {
		require.Equal(t, id, move.From)
		require.Equal(t, 2, move.To)
		require.Equal(t, 10, move.Buckets)
		require.InEpsilon(t, existing/6, move.Rows, 0.5, "never analysed")
	}

	for id, server := range c.Servers {
		server.Exec(pgtest.Database(id), "ANALYZE")
	}
	e, err = c.estimate(c.desired(3))
	require.NoError(t, err)
	require.InEpsilon(t, existing/6, e.Moves[0].Rows, 0.02)
	require.Greater(t, e.Moves[0].Bytes, 50*e.Moves[0].Rows)
	require.InEpsilon(t, float64(existing/3)/e.RowsPerSecond+2*30, e.Seconds, 0.02)

	t.Run("after moves", func(t *testing.T) {
		o := c.options(c.desired(3))
		o.Batch = 20
		require.NoError(t, c.run(o))
		e, err := c.estimate(c.desired(3))
		require.NoError(t, err)
		require.Empty(t, e.Moves, "the shards own what is wanted, whatever the map in use says")
		require.Zero(t, e.Seconds)
		require.True(t, e.Measured)
		require.Greater(t, e.RowsPerSecond, 1000.0)
	})
	t.Run("a shard is down", func(t *testing.T) {
		c.Servers[0].Stop()
		defer c.Servers[0].Run()
		e, err := c.estimate(c.desired(3, 2))
		require.NoError(t, err)
		require.Equal(t, []string{"shard-0"}, e.Unread)
		require.Equal(t, 20, e.Minimum, "the other shards know where its buckets went")
	})
	t.Run("another cluster", func(t *testing.T) {
		m := c.desired(3)
		m.Cluster = "other"
		_, err := c.estimate(m)
		require.ErrorContains(t, err, `refused: cluster: "other" is not "test"`)
	})
}
