package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalestack/scalestack/services/users/internal/consumer"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/services/users/internal/tracing"
	"github.com/scalestack/scalestack/sharding/shardctl"
	"github.com/spf13/cobra"
)

// replayFor is how long a replay tries one letter: someone is waiting.
const replayFor = 30 * time.Second

func replayCommand() *cobra.Command {
	var group string
	var limit int
	cmd := &cobra.Command{
		Use: "replay --group GROUP", Short: "Try the dead letters of a group again", Args: cobra.NoArgs,
		Long: "Gives the group's own work the dead letters that there are now and that no replay has tried. What fails again becomes a dead letter again. " +
			"The settings are those of the group's command, and it must be that command's Kafka user. It fails when a letter does.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 0 {
				return fmt.Errorf("--limit: %d is not 0 or more", limit)
			}
			return runReplay(cmd.Context(), group, limit, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&group, "group", "", "email, analytics or invalidate")
	cmd.Flags().IntVar(&limit, "limit", 0, "most letters to try, 0 for all")
	_ = cmd.MarkFlagRequired("group")
	return cmd
}

// replayable is a group's settings and how its work is made from them.
type replayable struct {
	settings.Consumer
	build func(context.Context, *worker) (*follower, error)
}

var replayables = map[string]func() (replayable, error){
	settings.EmailGroup: func() (replayable, error) {
		s, err := settings.EmailCommand.Load(os.Environ())
		return replayable{s.Consumer, func(ctx context.Context, w *worker) (*follower, error) { return newEmail(ctx, s, w) }}, err
	},
	settings.AnalyticsGroup: func() (replayable, error) {
		s, err := settings.AnalyticsCommand.Load(os.Environ())
		return replayable{s.Consumer, func(ctx context.Context, w *worker) (*follower, error) { return newAnalytics(ctx, s, w) }}, err
	},
	settings.InvalidateGroup: func() (replayable, error) {
		s, err := settings.InvalidateCommand.Load(os.Environ())
		return replayable{s.Consumer, func(_ context.Context, w *worker) (*follower, error) { return newInvalidate(s, w) }}, err
	},
}

func runReplay(ctx context.Context, group string, limit int, out io.Writer) error {
	load, known := replayables[group]
	if !known {
		return fmt.Errorf("--group: %q is not email, analytics or invalidate", group)
	}
	s, err := load()
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	w := &worker{metrics: prometheus.NewRegistry(), log: shardctl.NewLog(s.LogLevel)}
	if w.tracer, w.flush, err = tracing.Start(ctx, s.Tracing, w.log); err != nil {
		return err
	}
	defer w.flush()
	f, err := s.build(ctx, w)
	if err != nil {
		return err
	}
	defer f.close()
	o := f.options(s.Consumer, w)
	o.RetryFor = replayFor
	result, err := consumer.Replay(ctx, o, limit)
	fmt.Fprintf(out, "%d succeeded, %d failed again\n", result.Succeeded, result.Failed)
	if err == nil && result.Failed > 0 {
		err = fmt.Errorf("%d dead letters failed again", result.Failed)
	}
	return err
}
