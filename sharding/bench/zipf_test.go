package bench

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestZipfFollowsItsLaw(t *testing.T) {
	const ranks, draws = 1000, 500_000
	var counts [ranks]float64
	for _, rank := range NewZipf(ranks, 0.99, 1).Draw(draws) {
		counts[rank]++
	}
	// H(1000, 0.99) is 7.7289: the first rank gets 1/7.7289 of the draws.
	require.InEpsilon(t, 1/7.7289, counts[0]/draws, 0.02)
	require.InEpsilon(t, 9.772, counts[0]/counts[9], 0.05, "10^0.99")
	require.Positive(t, counts[ranks-1])
}

func TestZipfRepeatsItselfBySeed(t *testing.T) {
	draw := func(seed uint64) []int { return NewZipf(100, 0.99, seed).Draw(50) }
	require.Equal(t, draw(1), draw(1))
	require.NotEqual(t, draw(1), draw(2))
}
