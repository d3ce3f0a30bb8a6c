package reshard_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGrowAndShrinkUnderLoad(t *testing.T) {
	const existing = 20_000
	c := startCluster(t, 3, existing)
	l := startLoad(t, c.store(), existing)

	grown := c.desired(3)
	require.NoError(t, c.run(c.options(grown)))
	require.Equal(t, grown.Assignment, c.owners())
	c.requireClean()

	shrunk := c.desired(3, 2)
	require.NoError(t, c.run(c.options(shrunk)))
	require.Equal(t, shrunk.Assignment, c.owners())
	c.requireClean()

	require.NoError(t, c.run(c.options(shrunk)), "nothing is left to do")
	l.end(c)
	require.Empty(t, l.errors)
	require.GreaterOrEqual(t, c.rows(), existing)
}
