package shardctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/scalestack/scalestack/sharding/migrate"
	"github.com/scalestack/scalestack/sharding/ops"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/scalestack/scalestack/sharding/settings"
	"github.com/spf13/cobra"
)

// Reshard returns the command that moves buckets, with its subcommands.
func Reshard() *cobra.Command {
	root := &cobra.Command{Use: "reshard", Short: "Move buckets until every shard owns what the map says", Args: cobra.NoArgs, RunE: runReshard}
	root.Long = "Finishes the moves that were begun, and then makes those that lead to the map, while users are read and written. " +
		"It can be killed and started again at any time; with nothing to do it changes nothing. " +
		"The credentials must be those of role scalestack_mover.\n\nSettings (environment):\n" + settings.ReshardCommand.Help()
	root.AddCommand(moveCommands()...)
	return root
}

// moveCommands inspect and control moves. Both the program and its command reshard
// offer them.
func moveCommands() []*cobra.Command {
	return []*cobra.Command{statusCommand(), planCommand(), hotCommand(),
		controlCommand("pause", "Let no move take its next step", (*reshard.Mover).Pause, false),
		controlCommand("resume", "End a pause", (*reshard.Mover).Resume, false),
		controlCommand("abort", "Take back the moves that were not handed over", (*reshard.Mover).Abort, true),
		controlCommand("rollback", "Take back the moves that were handed over, with every write since", (*reshard.Mover).Rollback, true)}
}

// runReshard moves buckets, shows progress, and serves metrics if that is configured.
func runReshard(cmd *cobra.Command, _ []string) error {
	s, o, err := moverOptions()
	if err != nil {
		return err
	}
	shown := newDisplay(cmd.ErrOrStderr())
	defer shown.close()
	o.Log = shown.log(s.LogLevel)
	if shown.bars != nil {
		o.OnProgress = func(p reshard.Progress) { shown.show(p.Share(), p.String()) }
	}
	if s.MetricsListen != "" {
		metrics := ops.NewRegistry()
		server, err := ops.Start(cmd.Context(), s.MetricsListen, metrics, o.Log)
		if err != nil {
			return err
		}
		server.Ready(true)
		o.Metrics = metrics
	}
	left, err := retire(cmd.Context(), s, o)
	if err != nil {
		return err
	}
	return errors.Join(reshard.New(o).Run(cmd.Context()), left)
}

// retire runs before the moves: whoever starts them has handed out the services' new
// credentials. A failure does not keep buckets from moving; the next start tries again.
func retire(ctx context.Context, s *settings.Reshard, o reshard.Options) (left, err error) {
	if s.Roles == "" {
		return nil, nil
	}
	roles, err := readRoles(s.Roles)
	if err != nil {
		return nil, err
	}
	connect := s.Shards.As("scalestack-retire").ConnConfig
	// Retire records the end of the rotation, so it runs after a step that may not have
	// reached a shard.
	if left = giveAdministrators(ctx, s.Administrators, roles.Rotation, o.Map, connect, o.Log); left == nil {
		left = migrate.Retire(ctx, o.Map, connect, roles, o.Log)
	}
	if left == nil || ctx.Err() != nil {
		return nil, left
	}
	const message = "not everything of earlier releases was retired"
	var refused *migrate.RefusedError
	if errors.As(left, &refused) {
		// Another release is being deployed; its own mover does this.
		o.Log.Warn(message, "error", left.Error())
		return nil, nil
	}
	o.Log.Error(message, "error", left.Error())
	return left, nil
}

func moverCommand(name, short string, run func(context.Context, *reshard.Mover, io.Writer) error) *cobra.Command {
	return &cobra.Command{Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, o, err := moverOptions()
			if err != nil {
				return err
			}
			return run(cmd.Context(), reshard.New(o), cmd.OutOrStdout())
		},
	}
}

func moverOptions() (*settings.Reshard, reshard.Options, error) {
	s, err := settings.ReshardCommand.Load(os.Environ())
	if err != nil {
		return nil, reshard.Options{}, fmt.Errorf("settings: %w", err)
	}
	m, err := s.Shards.Map()
	return s, reshard.Options{
		Map: m, SSLMode: s.Shards.SSLMode, SSLRootCert: s.ShardsRootCert, Batch: s.Batch, Parallel: s.Parallel, Lease: s.Lease, Observe: s.Observe, Attempts: s.Attempts, Patience: s.Patience, Log: NewLog(s.LogLevel),
		Volume: s.Volume, Connect: s.Shards.As("scalestack-reshard").ConnConfig,
	}, err
}

// printCosts says what it costs to roll back those of the moves that were switched.
func printCosts(ctx context.Context, m *reshard.Mover, out io.Writer, moves []reshard.Move) error {
	for _, mv := range moves {
		if mv.State != reshard.Switched || mv.Wanted != reshard.WantAbort {
			continue
		}
		cost, err := m.WayBack(ctx, mv)
		if err != nil {
			cost = "what it costs is not known: " + err.Error()
		}
		if _, err := fmt.Fprintf(out, "rollback of %s: %s\n", &mv, cost); err != nil {
			return err
		}
	}
	return nil
}

// controlCommand makes the mover pause, resume or turn back. With finish, a move that
// no mover works on is completed here.
func controlCommand(name, short string, control func(*reshard.Mover, context.Context) ([]reshard.Move, error), finish bool) *cobra.Command {
	return moverCommand(name, short, func(ctx context.Context, m *reshard.Mover, out io.Writer) error {
		moves, err := control(m, ctx)
		if err := errors.Join(printMoves(out, moves), printCosts(ctx, m, out, moves), err); err != nil || !finish {
			return err
		}
		err = m.Finish(ctx)
		var ended *reshard.EndedError
		switch {
		case errors.Is(err, reshard.ErrBusy):
			_, err = fmt.Fprintln(out, "the mover that runs will do it")
		case errors.As(err, &ended):
			_, err = fmt.Fprintf(out, "%s\nA mover that starts with the same map ends over this once, with exit code 3. The one after it makes the move.\n", ended)
		}
		return err
	})
}
