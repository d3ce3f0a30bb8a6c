package bench

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// upTo returns 1 to n in some order.
func upTo(n int) Sample {
	sample := make(Sample, n)
	for i, value := range rand.Perm(n) {
		sample[i] = time.Duration(value + 1)
	}
	return sample
}

func TestPercentile(t *testing.T) {
	tests := map[string]struct {
		operations int
		p          int
		want       time.Duration
		known      bool
	}{
		"p50":                            {1000, 50, 500, true},
		"p99":                            {1000, 99, 990, true},
		"p99 between two ranks":          {1050, 99, 1040, true},
		"median of the fewest":           {20, 50, 10, true},
		"median of too few":              {19, 50, 0, false},
		"p99 of 40 would be the slowest": {40, 99, 0, false},
		"p99 with nine slower ones":      {999, 99, 0, false},
		"p100 has none above it, ever":   {100_000, 100, 0, false},
		"no operations":                  {0, 50, 0, false},
		"a percentage that there is not": {1000, -1, 0, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			value, known := upTo(test.operations).Percentile(test.p)
			require.Equal(t, test.known, known)
			if known {
				require.Equal(t, test.want, value)
			}
		})
	}
}

func TestPercentileLeavesTheSampleAlone(t *testing.T) {
	sample := upTo(100)
	before := append(Sample(nil), sample...)
	_, known := sample.Percentile(50)
	require.True(t, known)
	require.Equal(t, before, sample)
}

func TestLongest(t *testing.T) {
	require.EqualValues(t, 7, upTo(7).Longest())
	require.Zero(t, Sample(nil).Longest())
}

func TestRound(t *testing.T) {
	for given, want := range map[time.Duration]time.Duration{
		0: 0, 7: 7, 999: 999, 1234: 1230, 98_765: 98_800, 1_234_567: 1_230_000, 203_456_789: 203_000_000, 9_996: 10_000,
	} {
		require.Equal(t, want, Round(given), given)
	}
}

func TestRatioIsThatOfTheRounds(t *testing.T) {
	times := func(factors ...int) (r Result) {
		for _, factor := range factors {
			sample := upTo(1000)
			for i := range sample {
				sample[i] *= time.Duration(factor)
			}
			r.Rounds = append(r.Rounds, sample)
		}
		return r
	}
	// The machine was ten times slower in the second round: no round shows it.
	ratio, known := ratioOf(times(2, 20, 3), times(1, 10, 1), 99)
	require.True(t, known)
	require.Equal(t, Ratio{Median: 2, Least: 2, Most: 3}, ratio)
	require.Equal(t, "2.00 (2.00 to 3.00)", ratio.String())

	for name, few := range map[string]Result{"no rounds": {}, "too few operations": {Rounds: []Sample{upTo(10)}}, "no time at all": {Rounds: []Sample{make(Sample, 1000)}}} {
		_, known = ratioOf(times(1), few, 99)
		require.False(t, known, name)
	}
}
