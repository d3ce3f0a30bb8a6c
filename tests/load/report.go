package load

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/beorn7/perks/quantile"
)

// Report says what the clients met with.
type Report struct {
	// Operations is how many have ended, whatever their end.
	Operations int
	// Repeated is how many of them took more than one attempt.
	Repeated int
	// Unknown is how many attempts to write had an unknown outcome.
	Unknown int
	// Failed is how many had no success within the client's patience, which is
	// what a user gets to see; Errors are the first reasons.
	Failed int
	Errors []error
	// Reads and Writes are the times of the operations, repetitions included.
	Reads, Writes Times
}

// Times are the times of one kind of operation.
type Times struct {
	Count             int
	P50, P99, Slowest time.Duration
}

func (t Times) String() string {
	return fmt.Sprintf("%d, p50 %s, p99 %s, slowest %s", t.Count,
		t.P50.Round(10*time.Microsecond), t.P99.Round(10*time.Microsecond), t.Slowest.Round(time.Millisecond))
}

func (r Report) String() string {
	text := fmt.Sprintf("%d operations, %d repeated, %d attempts of unknown outcome, %d failed\n  reads  %s\n  writes %s",
		r.Operations, r.Repeated, r.Unknown, r.Failed, r.Reads, r.Writes)
	for _, err := range r.Errors {
		text += "\n  failed: " + err.Error()
	}
	return strings.TrimSpace(text)
}

// shown is how many reasons of failures are kept.
const shown = 10

// tally counts for all clients.
type tally struct {
	mu            sync.Mutex
	ended         Report
	unknown       atomic.Int64
	reads, writes times
}

func (t *tally) count(attempts int, last outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended.Operations++
	if attempts > 1 {
		t.ended.Repeated++
	}
	if last.ok {
		return
	}
	t.ended.Failed++
	if len(t.ended.Errors) < shown {
		t.ended.Errors = append(t.ended.Errors, fmt.Errorf("%s, after %d attempts: %w", time.Now().UTC().Format(time.TimeOnly), attempts, last.err))
	}
}

func (t *tally) report() Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.ended
	r.Unknown = int(t.unknown.Load())
	r.Reads, r.Writes = t.reads.sum(), t.writes.sum()
	return r
}

// times estimates quantiles as they come in, with the algorithm of Prometheus'
// summaries, so that a long run takes no more memory than a short one.
type times struct {
	mu        sync.Mutex
	quantiles *quantile.Stream
	count     int
	slowest   time.Duration
}

func (t *times) add(took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.quantiles == nil {
		t.quantiles = quantile.NewTargeted(map[float64]float64{0.5: 0.01, 0.99: 0.001})
	}
	t.quantiles.Insert(took.Seconds())
	t.count++
	t.slowest = max(t.slowest, took)
}

func (t *times) sum() Times {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count == 0 {
		return Times{}
	}
	at := func(q float64) time.Duration { return time.Duration(t.quantiles.Query(q) * float64(time.Second)) }
	return Times{Count: t.count, P50: at(0.5), P99: at(0.99), Slowest: t.slowest}
}
