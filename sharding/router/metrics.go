package router

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	generation     prometheus.Gauge
	reloadFailures prometheus.Counter
	repeats        *prometheus.CounterVec
}

func newMetrics(registry prometheus.Registerer) *metrics {
	f := promauto.With(registry)
	return &metrics{
		generation: f.NewGauge(prometheus.GaugeOpts{
			Name: "scalestack_shard_map_generation", Help: "Generation of the shard map in use."}),
		reloadFailures: f.NewCounter(prometheus.CounterOpts{
			Name: "scalestack_shard_map_reload_failures_total", Help: "Shard maps that were unreadable or refused."}),
		repeats: f.NewCounterVec(prometheus.CounterOpts{
			Name: "scalestack_db_repeats_total", Help: "Operations sent a second time."}, []string{"reason"}),
	}
}

var (
	poolConnections = prometheus.NewDesc("scalestack_db_pool_connections",
		"Connections of the pool by state; max is its size.", []string{"shard", "state"}, nil)
	poolAcquires = prometheus.NewDesc("scalestack_db_pool_acquires_total",
		"Connections handed out.", []string{"shard"}, nil)
	poolWaits = prometheus.NewDesc("scalestack_db_pool_waits_total",
		"Connections that had to be waited for.", []string{"shard"}, nil)
	poolWaitSeconds = prometheus.NewDesc("scalestack_db_pool_wait_seconds_total",
		"Time spent waiting for a connection.", []string{"shard"}, nil)
	poolGivenUp = prometheus.NewDesc("scalestack_db_pool_given_up_total",
		"Waits that ended without a connection.", []string{"shard"}, nil)
)

// poolCollector reads the pools' own counters on each scrape.
type poolCollector struct{ router *Router }

func (poolCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{poolConnections, poolAcquires, poolWaits, poolWaitSeconds, poolGivenUp} {
		ch <- desc
	}
}

func (c poolCollector) Collect(ch chan<- prometheus.Metric) {
	for shard, pool := range c.router.routes.Load().pools {
		stat := pool.Stat()
		gauge := func(value int32, state string) {
			ch <- prometheus.MustNewConstMetric(poolConnections, prometheus.GaugeValue, float64(value), shard.Name, state)
		}
		counter := func(desc *prometheus.Desc, value float64) {
			ch <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, value, shard.Name)
		}
		gauge(stat.AcquiredConns(), "in_use")
		gauge(stat.IdleConns(), "idle")
		gauge(stat.MaxConns(), "max")
		counter(poolAcquires, float64(stat.AcquireCount()))
		counter(poolWaits, float64(stat.EmptyAcquireCount()))
		counter(poolWaitSeconds, stat.EmptyAcquireWaitTime().Seconds())
		counter(poolGivenUp, float64(stat.CanceledAcquireCount()))
	}
}
