// Command lab builds, starts and stops the local environment, and deploys the
// dev stack into it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/scalestack/scalestack/lab/internal/environ"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := newRoot().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "lab",
		Short:         "A local Kubernetes with the dev stack in it",
		SilenceUsage:  true,
		SilenceErrors: true,
		// Before anything else: no command may see the caller's environment.
		PersistentPreRunE: func(*cobra.Command, []string) error { return environ.Isolate() },
	}
	root.AddCommand(newUp(), newStart(), newBuild(), newDown(), newStatus(), newPreview(), newDestroy(), newClean(), newGateway(), newNode())
	return root
}
