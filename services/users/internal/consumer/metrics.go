package consumer

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/scalestack/scalestack/services/users/internal/events"
)

type metrics struct {
	events  *prometheus.CounterVec
	retries prometheus.Counter
	dead    *prometheus.CounterVec
	delay   *prometheus.HistogramVec
	lag     *prometheus.GaugeVec
}

func newMetrics(registry prometheus.Registerer) *metrics {
	f := promauto.With(registry)
	return &metrics{
		events: f.NewCounterVec(prometheus.CounterOpts{
			Name: "scalestack_consumer_events_total", Help: "Events by outcome: done, duplicate, skipped."}, []string{"type", "outcome"}),
		retries: f.NewCounter(prometheus.CounterOpts{
			Name: "scalestack_consumer_failures_total", Help: "Attempts that failed and may be repeated."}),
		dead: f.NewCounterVec(prometheus.CounterOpts{
			Name: "scalestack_consumer_dead_letters_total", Help: "Events that were given up."}, []string{"reason"}),
		delay: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "scalestack_consumer_delay_seconds", Help: "From the change to the end of the work for it.",
			Buckets: []float64{.01, .02, .03, .05, .075, .1, .15, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800}}, []string{"type"}),
		lag: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "scalestack_consumer_lag", Help: "Records behind the last committed one, of the partitions that this process has."},
			[]string{"topic", "partition"}),
	}
}

func (m *metrics) succeeded(e *events.Event, outcome Outcome) {
	m.events.WithLabelValues(e.Type, string(outcome)).Inc()
	if outcome == Done {
		m.delay.WithLabelValues(e.Type).Observe(time.Since(e.Time).Seconds())
	}
}

func (m *metrics) forget(p partition) { m.lag.DeleteLabelValues(p.topic, strconv.Itoa(int(p.id))) }
