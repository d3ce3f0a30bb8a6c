// Command shardctl operates sharded databases: it makes them shards, keeps the
// engine's tables current, and moves buckets between them.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/scalestack/scalestack/sharding/shardctl"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := shardctl.Command().ExecuteContext(ctx); err != nil {
		shardctl.NewLog(slog.LevelInfo).Error("failed", "error", err.Error())
		stop()
		os.Exit(shardctl.ExitCode(err))
	}
}
