package migrate

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/locks"
	"github.com/scalestack/scalestack/sharding/owner"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// retryEvery is short compared with a server's start, and long enough not to disturb
// it.
const retryEvery = time.Second

// waitFor retries until it connects or the context ends. It retries a refused password
// as well, because a server that is still restarting for a new one refuses it too.
func waitFor(ctx context.Context, shard *shardmap.Shard, connect Connector, log *slog.Logger) (*pgx.Conn, error) {
	ticker := time.NewTicker(retryEvery)
	defer ticker.Stop()
	var last error
	for attempt := 1; ; attempt++ {
		conn, err := dial(ctx, shard, connect)
		if err == nil {
			return conn, nil
		}
		if last == nil || ctx.Err() == nil {
			// An attempt that the deadline interrupted would hide the real reason.
			last = err
		}
		log.Warn("shard is not ready", "shard", shard.Name, "attempt", attempt, "error", err.Error())
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%s: not ready in time: %w", shard.Name, last)
		case <-ticker.C:
		}
	}
}

func dial(ctx context.Context, shard *shardmap.Shard, connect Connector) (*pgx.Conn, error) {
	config, err := connect(shard)
	if err != nil {
		return nil, err
	}
	// A setting of a role or the database must not lock out the program that resets it.
	config.RuntimeParams["default_transaction_read_only"] = "off"
	maps.Copy(config.RuntimeParams, locks.Settings)
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if err := owner.Require(ctx, conn); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return conn, nil
}
