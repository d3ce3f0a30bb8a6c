// Package shardctl implements the commands of the program shardctl. Other programs on
// the shards can offer them too.
package shardctl

import (
	"log/slog"
	"os"

	"github.com/spf13/cobra"
)

// Command returns the whole program.
func Command() *cobra.Command {
	root := &cobra.Command{
		Use:   "shardctl",
		Short: "Make databases shards and move buckets between them",
		// Errors are logged like everything else, and a wrong setting needs no help
		// text after it.
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(migrateCommand(), adoptCommand(), Reshard(), reconcileCommand(), serveCommand())
	root.AddCommand(moveCommands()...)
	return root
}

// NewLog returns a log of JSON lines on standard error.
func NewLog(level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}
