package analytics

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

const (
	// Settled is how long Cloudflare may take until a minute is counted.
	Settled = 5 * time.Minute
	// longestGap is the most that a watcher makes up for after it could not ask.
	longestGap = time.Hour
)

// Watcher counts a zone's requests as they become known. Its zero value is not usable:
// see NewWatcher.
type Watcher struct {
	// Now is the clock.
	Now func() time.Time

	count          Counter
	settled, first time.Duration
	paths          []string
	// until is where each path's figures end.
	until map[string]time.Time

	requests *prometheus.CounterVec
	answered *prometheus.GaugeVec
	missed   *prometheus.CounterVec
}

// Counter asks for one path's requests in a span of time, as Count does.
type Counter func(ctx context.Context, path string, from, to time.Time) (Counts, error)

// NewWatcher begins one interval before now; settled is how far behind it stays.
func NewWatcher(count Counter, registry prometheus.Registerer, paths []string, interval, settled time.Duration) *Watcher {
	f := promauto.With(registry)
	w := &Watcher{
		Now: time.Now, count: count, settled: settled, first: interval, paths: paths, until: map[string]time.Time{},
		requests: f.NewCounterVec(prometheus.CounterOpts{Name: "scalestack_edge_requests_total",
			Help: "Requests of visitors for a path at the edge, by cache status; estimated from a sample, and as late as --settled."}, []string{"path", "status"}),
		answered: f.NewGaugeVec(prometheus.GaugeOpts{Name: "scalestack_edge_counted_until_timestamp_seconds",
			Help: "Until when the path's requests are counted, in seconds since 1970."}, []string{"path"}),
		missed: f.NewCounterVec(prometheus.CounterOpts{Name: "scalestack_edge_uncounted_seconds_total",
			Help: "Time whose requests were never counted, because the analytics could not be asked for longer than an hour."}, []string{"path"}),
	}
	// Prometheus sees no increase in the first value of a series.
	for _, path := range paths {
		for _, status := range known {
			w.requests.WithLabelValues(path, status)
		}
	}
	return w
}

// Look counts what has become known since the last look, without a gap and nothing twice.
// A path that fails is asked for the whole span by the next look.
func (w *Watcher) Look(ctx context.Context) (errs []error) {
	to := w.Now().Add(-w.settled).Truncate(time.Second)
	for _, path := range w.paths {
		if err := w.look(ctx, path, to); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
		}
	}
	return errs
}

func (w *Watcher) look(ctx context.Context, path string, to time.Time) error {
	from, known := w.until[path]
	if !known {
		from = to.Add(-w.first)
		w.until[path] = from
		w.counted(path)
	}
	if !from.Before(to) {
		return nil
	}
	missed := max(0, to.Sub(from)-longestGap)
	counts, err := w.count(ctx, path, from.Add(missed), to)
	if err != nil {
		return err
	}
	w.missed.WithLabelValues(path).Add(missed.Seconds())
	w.until[path] = to
	w.counted(path)
	for status, n := range counts {
		w.requests.WithLabelValues(path, status).Add(float64(n))
	}
	return nil
}

// counted is told from the beginning, so that an API which never answers shows.
func (w *Watcher) counted(path string) {
	w.answered.WithLabelValues(path).Set(float64(w.until[path].Unix()))
}
