package relay

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	published *prometheus.CounterVec
	failures  *prometheus.CounterVec
	leads     *prometheus.GaugeVec
	backlog   *prometheus.GaugeVec
	parked    *prometheus.GaugeVec
	oldest    *prometheus.GaugeVec
	delay     prometheus.Histogram
	cleaned   *prometheus.CounterVec
}

func newMetrics(registry prometheus.Registerer) *metrics {
	f := promauto.With(registry)
	perShard := []string{"shard"}
	return &metrics{
		published: f.NewCounterVec(prometheus.CounterOpts{
			Name: "scalestack_relay_published_total", Help: "Events that Kafka has acknowledged, repetitions included."}, perShard),
		failures: f.NewCounterVec(prometheus.CounterOpts{
			Name: "scalestack_relay_failures_total", Help: "Interruptions by a shard or by Kafka."}, []string{"shard", "at"}),
		leads: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "scalestack_relay_leads", Help: "1 while this process publishes for the shard."}, perShard),
		backlog: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "scalestack_outbox_rows", Help: "Events that are not published yet, as the shard's relay counts them, and 10000 where there are more."}, perShard),
		parked: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "scalestack_outbox_parked_rows", Help: "Events that Kafka refuses for good."}, perShard),
		oldest: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "scalestack_outbox_oldest_seconds", Help: "Age of the oldest event that is not published yet, of the 10000 first and last in the order of users."}, perShard),
		delay: f.NewHistogram(prometheus.HistogramOpts{
			Name: "scalestack_relay_delay_seconds", Help: "From the change to the acknowledgement by Kafka.",
			Buckets: []float64{.005, .01, .02, .03, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800}}),
		cleaned: f.NewCounterVec(prometheus.CounterOpts{
			Name: "scalestack_inbox_cleaned_total", Help: "Events that consumers no longer remember."}, perShard),
	}
}

// forget drops the gauges of a shard that this process knows nothing of any more.
func (m *metrics) forget(shard string) {
	for _, gauge := range []*prometheus.GaugeVec{m.leads, m.backlog, m.parked, m.oldest} {
		gauge.DeleteLabelValues(shard)
	}
}
