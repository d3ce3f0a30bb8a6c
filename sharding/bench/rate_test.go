package bench

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRate(t *testing.T) {
	rate, known := Sample{500 * time.Millisecond, 1500 * time.Millisecond}.Rate(8)
	require.True(t, known)
	require.InDelta(t, 8, rate, 1e-9)
	_, known = Sample(nil).Rate(8)
	require.False(t, known)
}

// The second round's machine was ten times slower, for both: the ratios are those of the rounds.
func TestRatesAreComparedRoundByRound(t *testing.T) {
	results := []Result{
		{Name: "plain", Rounds: []Sample{{time.Second}, {10 * time.Second}}},
		{Name: "with all", Rounds: []Sample{{2 * time.Second}, {20 * time.Second}}},
		{Name: "none"},
	}
	var text strings.Builder
	require.NoError(t, Compare("copies", results).WithRates("MiB/s", 1024, 1, results).WriteText(&text))
	require.Equal(t, `
copies
            count  p50  p99  longest  MiB/s  MiB/s / first
  plain     2      -    -    10s      186    -
  with all  2      -    -    20s      93.1   0.50 (0.50 to 0.50)
  none      0      -    -    0s       -      -
`, text.String())
}
