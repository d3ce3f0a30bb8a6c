// Command users is the reference user service. One binary and image contain everything
// that runs beside the databases.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/scalestack/scalestack/sharding/shardctl"
	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	// The collector works harder near the container's limit, where it would be
	// killed otherwise. The library finds that limit in cgroups of both versions;
	// without one nothing changes, and GOMEMLIMIT goes before it.
	if _, err := memlimit.Set(); err != nil {
		shardctl.NewLog(slog.LevelInfo).Warn("no memory limit for the collector", "error", err.Error())
	}
	if err := command().ExecuteContext(ctx); err != nil {
		shardctl.NewLog(slog.LevelInfo).Error("failed", "error", err.Error())
		stop()
		os.Exit(shardctl.ExitCode(err))
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "users",
		Short: "The reference user service of Scalestack",
		// Errors are logged, as everything else is; a wrong setting does not
		// need the whole help text after it.
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(serveCommand(), relayCommand(), emailCommand(), analyticsCommand(), invalidateCommand(), replayCommand(),
		migrateCommand(), askCommand(), assetsCommand(), envCommand())
	return root
}
