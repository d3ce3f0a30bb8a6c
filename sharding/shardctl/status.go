package shardctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/spf13/cobra"
)

// lookEvery is how often --watch asks all shards.
const lookEvery = time.Second

func statusCommand() *cobra.Command {
	var all, watch bool
	status := moverCommand("status", "Show the moves that are under way",
		func(ctx context.Context, m *reshard.Mover, out io.Writer) error {
			if watch {
				return watchMoves(ctx, m, out)
			}
			moves, err := m.Status(ctx, all)
			if err := errors.Join(printMoves(out, moves), err); err != nil {
				return err
			}
			return printSlow(ctx, m, out, moves)
		})
	status.Flags().BoolVar(&all, "all", false, "also those that have ended")
	status.Flags().BoolVar(&watch, "watch", false, "show how far they are until every shard owns what the map says")
	status.MarkFlagsMutuallyExclusive("all", "watch")
	return status
}

// watchMoves takes what is left at the start as the total.
func watchMoves(ctx context.Context, m *reshard.Mover, out io.Writer) error {
	shown := newDisplay(out)
	defer shown.close()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for most := 0; ; {
		now, err := m.Look(ctx)
		if err != nil {
			return err
		}
		most = max(most, now.Left, 1)
		shown.show(1-float64(now.Left)/float64(most), now.String())
		if now.Left == 0 && len(now.Moves) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// printSlow says which moves are slowed down by the load, and why.
func printSlow(ctx context.Context, m *reshard.Mover, out io.Writer, moves []reshard.Move) error {
	if !slices.ContainsFunc(moves, func(mv reshard.Move) bool { return !mv.State.Done() }) {
		return nil
	}
	now, err := m.Look(ctx)
	if err != nil {
		return err
	}
	for _, p := range now.Moves {
		if p.Slow != "" {
			fmt.Fprintf(out, "%s is held back: %s\n", &p.Move, p.Slow)
		}
	}
	return nil
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
