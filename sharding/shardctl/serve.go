package shardctl

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/scalestack/scalestack/sharding/ops"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/scalestack/scalestack/sharding/settings"
	"github.com/spf13/cobra"
)

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Watch the shards and serve metrics and probes",
		Long: "Asks every shard of the map now and then, and serves /metrics, /healthz and /readyz. It changes nothing, and the " +
			"credentials of the service are enough. It is ready once a shard has answered.\n\nSettings (environment):\n" + settings.ServeCommand.Help(),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := settings.ServeCommand.Load(os.Environ())
			if err != nil {
				return fmt.Errorf("settings: %w", err)
			}
			return runServe(cmd.Context(), s, NewLog(s.LogLevel))
		},
	}
}

// runServe runs until the context ends.
func runServe(ctx context.Context, s *settings.Serve, log *slog.Logger) error {
	registry := ops.NewRegistry()
	w := &watcher{settings: s, log: log, gauges: newGauges(registry, s.Members), loads: &loads{}}
	registry.MustRegister(w.loads)
	server, err := ops.Start(ctx, s.MetricsListen, registry, log)
	if err != nil {
		return err
	}
	ticker := time.NewTicker(s.Every)
	defer ticker.Stop()
	for {
		if w.look(ctx) {
			server.Ready(true)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

type watcher struct {
	settings *settings.Serve
	log      *slog.Logger
	gauges   *gauges
	loads    *loads
	// doubles are the buckets that two shards own.
	doubles reshard.Doubles
}

// look reports whether a shard has answered. It reads the map's file each time, because
// that changes while the program runs.
func (w *watcher) look(ctx context.Context) (answered bool) {
	m, err := w.settings.Shards.Map()
	if err != nil {
		w.log.Error("keeping the last figures", "error", err.Error())
		return false
	}
	all := reshard.Observe(ctx, m, w.settings.Shards.As("scalestack-serve").ConnConfig)
	for _, o := range all {
		if o.Err != nil {
			w.log.Warn("shard did not answer", "shard", o.Shard.Name, "error", o.Err.Error())
		}
		answered = answered || o.Err == nil
	}
	err = w.doubles.Look(all)
	if err != nil {
		w.log.Error("a bucket has two owners", "error", err.Error())
	}
	w.loads.set(all)
	w.gauges.set(all, reshard.Misplaced(m, all), err != nil)
	return answered
}

type gauges struct {
	up, rows, bytes, buckets, moves, certificate *prometheus.GaugeVec
	misplaced, twice                             prometheus.Gauge
}

func newGauges(registry prometheus.Registerer, members int) *gauges {
	f := promauto.With(registry)
	f.NewGauge(prometheus.GaugeOpts{Name: "scalestack_shard_standbys_wanted", Help: "Standbys that each shard should have."}).Set(float64(members - 1))
	of := func(name, help string, more ...string) *prometheus.GaugeVec {
		return f.NewGaugeVec(prometheus.GaugeOpts{Name: "scalestack_shard_" + name, Help: help}, append([]string{"shard"}, more...))
	}
	return &gauges{
		up:      of("up", "1 for a shard that answered the last time it was asked."),
		rows:    of("rows", "Estimated rows of the sharded tables."),
		bytes:   of("bytes", "Bytes of the sharded tables, indexes included."),
		buckets: of("buckets", "Buckets by state: owned, fenced, moved.", "state"),
		moves:   of("moves", "Moves from the shard by state.", "state"),
		certificate: of("certificate_expiry_timestamp_seconds",
			"When the certificate that the shard's server shows expires, in seconds since 1970; no series without TLS."),
		misplaced: f.NewGauge(prometheus.GaugeOpts{Name: "scalestack_shard_buckets_misplaced",
			Help: "Buckets that are not where the map wants them."}),
		twice: f.NewGauge(prometheus.GaugeOpts{Name: "scalestack_shard_buckets_owned_twice",
			Help: "1 while two shards own the same bucket: one was restored from before a move."}),
	}
}

func (g *gauges) set(all []reshard.Observation, misplaced int, twice bool) {
	for _, one := range []*prometheus.GaugeVec{g.up, g.rows, g.bytes, g.buckets, g.moves, g.certificate} {
		one.Reset()
	}
	for _, o := range all {
		if o.Err != nil {
			g.up.WithLabelValues(o.Shard.Name).Set(0)
			continue
		}
		g.up.WithLabelValues(o.Shard.Name).Set(1)
		g.rows.WithLabelValues(o.Shard.Name).Set(float64(o.Rows))
		g.bytes.WithLabelValues(o.Shard.Name).Set(float64(o.Bytes))
		if !o.CertificateEnds.IsZero() {
			g.certificate.WithLabelValues(o.Shard.Name).Set(float64(o.CertificateEnds.Unix()))
		}
		for state, count := range o.Buckets {
			g.buckets.WithLabelValues(o.Shard.Name, state).Set(float64(count))
		}
		for state, count := range o.Moves {
			g.moves.WithLabelValues(o.Shard.Name, string(state)).Set(float64(count))
		}
	}
	g.misplaced.Set(float64(misplaced))
	g.twice.Set(map[bool]float64{true: 1}[twice])
}
