package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"

	"github.com/spf13/cobra"

	"github.com/scalestack/scalestack/lab/internal/cluster"
	"github.com/scalestack/scalestack/lab/internal/deploy"
	"github.com/scalestack/scalestack/lab/internal/paths"
	"github.com/scalestack/scalestack/lab/internal/proc"
)

func newDown() *cobra.Command {
	return inCheckout("down", "Stop the lab; data stays", func(ctx context.Context, p paths.Paths) error {
		return down(ctx, p)
	})
}

func down(ctx context.Context, p paths.Paths) error {
	if err := cluster.Down(ctx, p, os.Stderr); err != nil {
		return err
	}
	fmt.Println("the lab is stopped; nothing of it is left on this machine outside .lab/")
	return nil
}

func newClean() *cobra.Command {
	return inCheckout("clean", "Stop the lab and delete .lab/ with all its data", func(ctx context.Context, p paths.Paths) error {
		if err := down(ctx, p); err != nil {
			return err
		}
		return os.RemoveAll(p.Home)
	})
}

func newStatus() *cobra.Command {
	return inCheckout("status", "Show the lab's processes, pods and autoscalers", func(ctx context.Context, p paths.Paths) error {
		names, home := proc.Running()
		if len(names) == 0 {
			fmt.Println("the lab is not running; start it with make up")
			return nil
		}
		sort.Strings(names)
		fmt.Printf("lab of %s\n\n", filepath.Dir(home))
		for _, name := range names {
			fmt.Printf("  running  %s\n", name)
		}
		fmt.Println()
		return cluster.Show(ctx, p, os.Stdout)
	})
}

func newPreview() *cobra.Command {
	return inCheckout("preview", "Show what pulumi up would change", func(ctx context.Context, p paths.Paths) error {
		return deploy.Preview(ctx, p, os.Stdout)
	})
}

func newDestroy() *cobra.Command {
	return inCheckout("destroy", "Remove the stack's resources; retained volumes stay", func(ctx context.Context, p paths.Paths) error {
		if err := cluster.ReleaseScaledObjects(ctx, p, os.Stdout); err != nil {
			return err
		}
		return deploy.Destroy(ctx, p, os.Stdout)
	})
}

func inCheckout(use, short string, run func(context.Context, paths.Paths) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := paths.Find()
			if err != nil {
				return err
			}
			return run(cmd.Context(), p)
		},
	}
}
