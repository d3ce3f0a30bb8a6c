// Command edge proves cache rules before they reach Cloudflare: it replays
// access logs, checks an origin's headers, serves a local edge, and asks or watches a real zone.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := newRoot().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "edge:", err)
		os.Exit(1)
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "edge",
		Short:         "A local edge, and checks of cache rules without an account",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newServe(), newHitRatio(), newZoneRatio(), newWatch(), newGenerateLog(), newVerifyOrigin())
	return root
}
