package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/services/users/internal/tracing"
	"github.com/scalestack/scalestack/sharding/ops"
	shardsettings "github.com/scalestack/scalestack/sharding/settings"
	"github.com/scalestack/scalestack/sharding/shardctl"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"
)

// workerCommand makes the command of a program that serves no users.
func workerCommand[S any](short, long string, command shardsettings.Command[S], run func(context.Context, *S) error) *cobra.Command {
	return &cobra.Command{
		Use: command.Name, Short: short, Args: cobra.NoArgs,
		Long: long + " It also serves /healthz, /readyz and /metrics.\n\nSettings (environment):\n" + command.Help(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := command.Load(os.Environ())
			if err != nil {
				return fmt.Errorf("settings: %w", err)
			}
			return run(cmd.Context(), s)
		},
	}
}

// worker is what such a program has around its work.
type worker struct {
	metrics *prometheus.Registry
	log     *slog.Logger
	ops     *ops.Server
	tracer  *tracing.Tracer
	// flush sends the last traces.
	flush func()
}

// newWorker serves probes and metrics until the program ends, also through the
// end of the work.
func newWorker(ctx context.Context, s settings.Worker) (*worker, error) {
	w := &worker{metrics: ops.NewRegistry(), log: shardctl.NewLog(s.LogLevel)}
	var err error
	if w.tracer, w.flush, err = tracing.Start(ctx, s.Tracing, w.log); err != nil {
		return nil, err
	}
	w.ops, err = ops.Start(context.WithoutCancel(ctx), s.MetricsListen, w.metrics, w.log)
	return w, err
}

const pingEvery = time.Second

// readyOnce reports ready once a broker takes us for who we are and a shard has
// answered: a release that reaches neither must not replace one that does.
func (w *worker) readyOnce(ctx context.Context, client *kgo.Client, shardAnswers func(context.Context) error) {
	if await(ctx, w.log, "Kafka", client.Ping) && await(ctx, w.log, "every shard", shardAnswers) {
		w.ops.Ready(true)
	}
}

// await is true once there is an answer, and false when the context ends before that.
func await(ctx context.Context, log *slog.Logger, what string, ask func(context.Context) error) bool {
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		asking, cancel := context.WithTimeout(ctx, verifyTimeout)
		err := ask(asking)
		cancel()
		if err == nil {
			return true
		}
		log.Warn("not ready: "+what+" is unreachable", "error", err.Error())
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
	return false
}
