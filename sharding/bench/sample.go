// Package bench measures alternatives side by side: they take turns within one run, so
// that other load on the machine affects all of them alike.
package bench

import (
	"fmt"
	"slices"
	"time"

	"github.com/montanaflynn/stats"
)

// Sample is how long each of some operations took.
type Sample []time.Duration

// beyond is how many operations must be slower than a percentile for it to be
// meaningful: the p99 of 40 operations is only another name for the slowest.
const beyond = 10

// Percentile returns the shortest time within which p per cent of the
// operations ended (the nearest rank, which is always a time that was
// measured). It is known only if the sample is large enough.
func (s Sample) Percentile(p int) (value time.Duration, known bool) {
	if len(s)*(100-p) < beyond*100 {
		return 0, false
	}
	rank, err := stats.PercentileNearestRank(stats.LoadRawData([]time.Duration(s)), float64(p))
	return time.Duration(rank), err == nil
}

// Longest returns the slowest operation's time, 0 without operations.
func (s Sample) Longest() time.Duration {
	if len(s) == 0 {
		return 0
	}
	return slices.Max(s)
}

// Round gives a duration the three digits that a measurement deserves.
func Round(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}

// Ratio compares two sides by the rounds in which they were measured.
type Ratio struct {
	// Median is that of the rounds' ratios; Least and Most are their range.
	Median float64 `json:"median"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
}

func (r Ratio) String() string { return fmt.Sprintf("%.2f (%.2f to %.2f)", r.Median, r.Least, r.Most) }

// ratioOf compares the p-th percentiles of two sides, round by round.
func ratioOf(a, b Result, p int) (ratio Ratio, known bool) {
	return compared(a, b, func(s Sample) (float64, bool) {
		value, known := s.Percentile(p)
		return float64(value), known
	})
}

// compared is the ratio of what the rounds of two sides have in common.
func compared(a, b Result, value func(Sample) (float64, bool)) (ratio Ratio, known bool) {
	var ratios stats.Float64Data
	for round := range min(len(a.Rounds), len(b.Rounds)) {
		above, known := value(a.Rounds[round])
		below, alsoKnown := value(b.Rounds[round])
		if !known || !alsoKnown || below == 0 {
			return Ratio{}, false
		}
		ratios = append(ratios, above/below)
	}
	if len(ratios) == 0 {
		return Ratio{}, false
	}
	median, err := stats.Median(ratios)
	return Ratio{Median: median, Least: slices.Min(ratios), Most: slices.Max(ratios)}, err == nil
}
