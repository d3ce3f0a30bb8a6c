package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/scalestack/scalestack/shardmap"
	"github.com/scalestack/scalestack/workload/internal/reshard"
	"github.com/scalestack/scalestack/workload/internal/settings"
	"github.com/spf13/cobra"
)

func reshardCommand() *cobra.Command {
	root := moverCommand("reshard", "Move buckets until every shard owns what the map says",
		func(ctx context.Context, m *reshard.Mover, _ io.Writer) error { return m.Run(ctx) })
	root.Long = "Finishes the moves that were begun, and then makes those that lead to the map, while users are read and written. " +
		"It can be killed and started again at any time; with nothing to do it changes nothing. " +
		"The credentials must be a superuser's.\n\nSettings (environment):\n" + settings.ReshardHelp()
	var all bool
	status := moverCommand("status", "Show the moves that are under way",
		func(ctx context.Context, m *reshard.Mover, out io.Writer) error {
			moves, err := m.Status(ctx, all)
			return errors.Join(printMoves(out, moves), err)
		})
	status.Flags().BoolVar(&all, "all", false, "also those that have ended")
	root.AddCommand(status, planCommand(),
		wishCommand("pause", "Let no move take its next step", (*reshard.Mover).Pause, false),
		wishCommand("resume", "End a pause", (*reshard.Mover).Resume, false),
		wishCommand("abort", "Take back the moves that were not handed over", (*reshard.Mover).Abort, true),
		wishCommand("rollback", "Take back the moves that were handed over, with every write since", (*reshard.Mover).Rollback, true))
	return root
}

func moverCommand(name, short string, run func(context.Context, *reshard.Mover, io.Writer) error) *cobra.Command {
	return &cobra.Command{Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := settings.LoadReshard(os.LookupEnv)
			if err != nil {
				return fmt.Errorf("settings: %w", err)
			}
			m, err := readMap(s.Shards.MapFile)
			if err != nil {
				return err
			}
			return run(cmd.Context(), newMover(s, m), cmd.OutOrStdout())
		},
	}
}

func newMover(s *settings.Reshard, m *shardmap.Map) *reshard.Mover {
	return reshard.New(reshard.Options{
		Map: m, SSLMode: s.Shards.SSLMode, Batch: s.Batch, Lease: s.Lease, Observe: s.Observe, Patience: s.Patience, Log: newLog(s.LogLevel),
		Connect: s.Shards.As("scalestack-reshard").ConnConfig,
	})
}

// wishCommand tells the mover what is wanted. With finish, a move that no mover
// works on is brought to its end here.
func wishCommand(name, short string, wish func(*reshard.Mover, context.Context) ([]reshard.Move, error), finish bool) *cobra.Command {
	return moverCommand(name, short, func(ctx context.Context, m *reshard.Mover, out io.Writer) error {
		moves, err := wish(m, ctx)
		if err := errors.Join(printMoves(out, moves), err); err != nil || !finish {
			return err
		}
		err = m.Finish(ctx)
		var ended *reshard.EndedError
		switch {
		case errors.Is(err, reshard.ErrBusy):
			_, err = fmt.Fprintln(out, "the mover that runs will do it")
		case errors.As(err, &ended):
			_, err = fmt.Fprintln(out, ended.Error())
		}
		return err
	})
}

func printMoves(out io.Writer, moves []reshard.Move) error {
	if len(moves) == 0 {
		_, err := fmt.Fprintln(out, "no move is under way")
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "MOVE\tFROM\tTO\tBUCKETS\tSTATE\tSINCE\tWANTED\tROWS\tPAUSE\tREASON")
	for _, mv := range moves {
		fmt.Fprintf(table, "%d-%d\t%d\t%d\t%d\t%s\t%s\t%s\t%d\t%s\t%s\n", mv.Source, mv.ID, mv.Source, mv.Target, len(mv.Buckets),
			mv.State, time.Since(mv.Changed).Round(time.Second), mv.Wanted, mv.Rows, mv.Pause.Round(time.Millisecond), mv.Reason)
	}
	return table.Flush()
}
