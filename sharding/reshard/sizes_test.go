package reshard_test

import (
	"testing"

	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/stretchr/testify/require"
)

func (c *cluster) sizes() *reshard.Sizes {
	s, err := reshard.NewSizes(c.t.Context(), reshard.SizesOptions{Map: c.Map, Connect: c.App.As("test").ConnConfig, Log: testLog()})
	require.NoError(c.t, err)
	return s
}

func TestSizes(t *testing.T) {
	const existing = 6_000
	c := startCluster(t, 3, existing)
	s := c.sizes()
	require.Equal(t, c.Map.Assignment, s.Owner)
	for bucket, rows := range s.Rows {
		require.EqualValues(t, existing/60, rows, bucket)
	}

	// One user has as many rows as a bucket.
	owner := c.Map.Assignment[7]
	c.Servers[owner].Exec(pgtest.Database(owner), "INSERT INTO notes SELECT 7, version, 'x' FROM generate_series(1, 100) AS version")
	require.EqualValues(t, existing/60+100, c.sizes().Rows[7])

	t.Run("a former owner's rows and a copy's do not count", func(t *testing.T) {
		require.NoError(t, c.run(c.options(c.desired(3))))
		s := c.sizes()
		require.Equal(t, c.desired(3).Assignment, s.Owner)
		require.EqualValues(t, existing/60+100, s.Rows[7])
	})
	t.Run("a shard is down", func(t *testing.T) {
		c.Servers[0].Stop()
		defer c.Servers[0].Run()
		s := c.sizes()
		require.Equal(t, []string{"shard-0"}, s.Unread)
		for bucket, owner := range s.Owner {
			require.Equal(t, owner == 0, s.Rows[bucket] == 0, bucket)
		}
	})
}
