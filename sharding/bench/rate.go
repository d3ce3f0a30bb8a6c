package bench

import (
	"math"
	"strconv"
)

// Rate returns the operations per second of that many clients that were never idle.
func (s Sample) Rate(clients int) (rate float64, known bool) {
	var busy float64
	for _, took := range s {
		busy += took.Seconds()
	}
	if busy == 0 {
		return 0, false
	}
	return float64(len(s)*clients) / busy, true
}

// WithRates adds rates per second to the report of sides that took turns. One operation
// counts as each of the unit.
func (r Report) WithRates(unit string, each float64, clients int, results []Result) Report {
	r.Unit = unit
	rate := func(s Sample) (float64, bool) {
		rate, known := s.Rate(clients)
		return rate * each, known
	}
	for n := range r.Lines {
		r.Lines[n].Rate = ifKnown(rate(results[n].All()))
		if n > 0 {
			r.Lines[n].RatioRate = ifKnown(compared(results[n], results[0], rate))
		}
	}
	return r
}

// digits gives a rate the three digits that a measurement deserves, and whole numbers from
// 100 on.
func digits(rate float64) string {
	if rate >= 100 {
		return strconv.FormatFloat(math.Round(rate), 'f', -1, 64)
	}
	return strconv.FormatFloat(rate, 'g', 3, 64)
}
