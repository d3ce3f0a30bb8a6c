package analytics

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

// asked is an API that gives one hit a second, unless it is away.
type asked struct {
	spans []time.Duration
	away  bool
}

func (a *asked) count(_ context.Context, path string, from, to time.Time) (Counts, error) {
	if a.away {
		return nil, errors.New("away")
	}
	if path == "/silent/*" {
		return Counts{}, nil
	}
	a.spans = append(a.spans, to.Sub(from))
	return Counts{"hit": int64(to.Sub(from).Seconds())}, nil
}

func TestEverySecondIsCountedOnce(t *testing.T) {
	registry, api := prometheus.NewRegistry(), &asked{}
	now := time.Unix(1_800_000_000, 700_000_000)
	w := NewWatcher(api.count, registry, []string{"/static/*", "/silent/*"}, 5*time.Minute, Settled)
	w.Now = func() time.Time { return now }
	step := func(d time.Duration) []error {
		now = now.Add(d)
		return w.Look(t.Context())
	}
	require.Empty(t, step(0))
	require.Empty(t, step(0), "no time has passed")
	require.Empty(t, step(90*time.Second))
	api.away = true
	require.EqualError(t, step(10 * time.Minute)[0], "/static/*: away")
	api.away = false
	require.Empty(t, step(time.Minute))
	require.Equal(t, []time.Duration{5 * time.Minute, 90 * time.Second, 11 * time.Minute}, api.spans)
	require.InDelta(t, 1050, testutil.ToFloat64(w.requests.WithLabelValues("/static/*", "hit")), 0)
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP scalestack_edge_counted_until_timestamp_seconds Until when the path's requests are counted, in seconds since 1970.
# TYPE scalestack_edge_counted_until_timestamp_seconds gauge
scalestack_edge_counted_until_timestamp_seconds{path="/silent/*"} 1.80000045e+09
scalestack_edge_counted_until_timestamp_seconds{path="/static/*"} 1.80000045e+09
`), "scalestack_edge_counted_until_timestamp_seconds"))
}

// A plan does not answer for longer ago than it allows: a watcher that asked for all of a
// long outage would never come back.
func TestALongOutageIsNotMadeUpFor(t *testing.T) {
	registry, api := prometheus.NewRegistry(), &asked{}
	now := time.Unix(1_800_000_000, 0)
	w := NewWatcher(api.count, registry, []string{"/static/*"}, time.Minute, Settled)
	w.Now = func() time.Time { return now }
	require.Empty(t, w.Look(t.Context()))
	now = now.Add(3 * time.Hour)
	require.Empty(t, w.Look(t.Context()))
	require.Equal(t, []time.Duration{time.Minute, time.Hour}, api.spans)
	require.InDelta(t, 7200, testutil.ToFloat64(w.missed.WithLabelValues("/static/*")), 0)
}
