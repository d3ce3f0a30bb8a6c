package profilecache

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	lookups       *prometheus.CounterVec
	invalidations *prometheus.CounterVec
}

func newMetrics(registry prometheus.Registerer) *metrics {
	f := promauto.With(registry)
	m := &metrics{
		lookups: f.NewCounterVec(prometheus.CounterOpts{
			Name: "scalestack_cache_lookups_total",
			Help: "Lookups by result: hit, negative (known to be absent), miss, error, skipped (Redis failed a moment ago).",
		}, []string{"result"}),
		invalidations: f.NewCounterVec(prometheus.CounterOpts{
			Name: "scalestack_cache_invalidations_total",
			Help: "Invalidations by result: ok, error (to be repeated), repaired.",
		}, []string{"result"}),
	}
	// A ratio needs both its sides before the first of either.
	for _, result := range []string{"hit", "negative", "miss", "error", "skipped"} {
		m.lookups.WithLabelValues(result)
	}
	for _, result := range []string{"ok", "error", "repaired"} {
		m.invalidations.WithLabelValues(result)
	}
	return m
}
