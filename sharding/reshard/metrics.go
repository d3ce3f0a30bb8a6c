package reshard

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	left, copiedRows, copiedBytes, expected, lag prometheus.Gauge
	state                                        *prometheus.GaugeVec
	moves                                        *prometheus.CounterVec
	rows, buckets, givenUp                       prometheus.Counter
	compared, swept, rested                      prometheus.Counter
	share                                        *prometheus.GaugeVec
	commit                                       *prometheus.GaugeVec
	pause                                        prometheus.Histogram
}

func newMetrics(registry prometheus.Registerer) *metrics {
	f := promauto.With(registry)
	gauge := func(name, help string) prometheus.Gauge {
		return f.NewGauge(prometheus.GaugeOpts{Name: "scalestack_reshard_" + name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return f.NewCounter(prometheus.CounterOpts{Name: "scalestack_reshard_" + name, Help: help})
	}
	return &metrics{
		left:        gauge("buckets_left", "Buckets that have to move in this run and have not yet."),
		copiedRows:  gauge("copied_rows", "Rows of the moves under way that were seen on their way in the initial copy."),
		copiedBytes: gauge("copied_bytes", "Bytes of the moves under way that were seen on their way in the initial copy."),
		expected:    gauge("expected_rows", "Estimated rows of the moves under way."),
		lag:         gauge("lag_bytes", "By how much of the source's log the target of a move under way is behind, the worst of them."),
		state: f.NewGaugeVec(prometheus.GaugeOpts{Name: "scalestack_reshard_move",
			Help: "Moves under way by state."}, []string{"state"}),
		moves: f.NewCounterVec(prometheus.CounterOpts{Name: "scalestack_reshard_moves_total",
			Help: "Moves that have ended: complete, aborted or rolled back."}, []string{"state"}),
		rows:     counter("rows_moved_total", "Rows of moves that are complete."),
		buckets:  counter("buckets_moved_total", "Buckets of moves that are complete."),
		givenUp:  counter("cutovers_given_up_total", "Fences that were lifted to be tried again later."),
		compared: counter("compared_users_total", "Users of tables that were compared before a cutover."),
		swept:    counter("swept_pages_total", "Pages of tables that were searched for old rows to delete."),
		rested:   counter("rested_seconds_total", "How long moves have rested because commits had become slow."),
		share: f.NewGaugeVec(prometheus.GaugeOpts{Name: "scalestack_reshard_share",
			Help: "Share of its time for which the mover works on a shard, 1 where it does not hold back."}, []string{"shard"}),
		commit: f.NewGaugeVec(prometheus.GaugeOpts{Name: "scalestack_reshard_commit_seconds",
			Help: "99th percentile of the mover's own commits on a shard, before its work and during the latest."}, []string{"shard", "when"}),
		pause: f.NewHistogram(prometheus.HistogramOpts{Name: "scalestack_reshard_pause_seconds",
			Help:    "How long the buckets of a move took no writes.",
			Buckets: []float64{.01, .02, .03, .05, .075, .1, .15, .25, .5, 1, 2, 4, 8}}),
	}
}

func (m *metrics) progress(p Progress) {
	m.left.Set(float64(p.Buckets - p.Moved))
	var rows, bytes, expected, lag int64
	m.state.Reset()
	for _, one := range p.Moves {
		rows, bytes, expected, lag = rows+one.Copy.Rows, bytes+one.Copy.Bytes, expected+one.Expected, max(lag, one.Lag)
		m.state.WithLabelValues(string(one.Move.State)).Inc()
	}
	m.copiedRows.Set(float64(rows))
	m.copiedBytes.Set(float64(bytes))
	m.expected.Set(float64(expected))
	m.lag.Set(float64(lag))
}

func (m *metrics) pace(shard string, p pace) {
	m.share.WithLabelValues(shard).Set(p.share)
	m.commit.WithLabelValues(shard, "before").Set(p.before.Seconds())
	m.commit.WithLabelValues(shard, "now").Set(p.now.Seconds())
}

// moved counts a move that has ended.
func (m *metrics) moved(mv *Move) {
	m.moves.WithLabelValues(string(mv.State)).Inc()
	if mv.State != Complete {
		return
	}
	m.rows.Add(float64(mv.Rows))
	m.buckets.Add(float64(len(mv.Buckets)))
	m.pause.Observe(mv.Pause.Seconds())
}
