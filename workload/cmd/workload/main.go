// Command workload is the reference user service. It has one binary and image
// for everything that runs beside the databases.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		newLog(slog.LevelInfo).Error("failed", "error", err.Error())
		stop()
		os.Exit(exitCode(err))
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "workload",
		Short: "The reference user service of Scalestack",
		// Errors are logged, as everything else is; a wrong setting does not
		// need the whole help text after it.
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(serveCommand(), relayCommand(), emailCommand(), analyticsCommand(), invalidateCommand(), replayCommand(),
		migrateCommand(), reshardCommand(), usersCommand(), assetsCommand())
	return root
}

func newLog(level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}
