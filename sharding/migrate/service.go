package migrate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/identity"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// Service brings a service's own tables on every shard of the map to the newest
// version, after Run has made the databases into shards. It returns an
// *identity.MismatchError for a map that trying again does not make right, and
// an error that wraps identity.ErrUnclaimed where Run is still to come.
func Service(ctx context.Context, m *shardmap.Map, connect Connector, schema Schema, log *slog.Logger) error {
	err := forEach(m, func(_ int, shard *shardmap.Shard) error {
		conn, err := waitFor(ctx, shard, connect, log)
		if err != nil {
			return err
		}
		defer conn.Close(context.WithoutCancel(ctx))
		return requireClaimed(ctx, conn, m, shard)
	})
	if err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	for i := range m.Shards {
		shard := &m.Shards[i]
		log := log.With("shard", shard.Name)
		err := whileLocked(ctx, shard, connect, log, func(conn *pgx.Conn) error {
			if err := requireClaimed(ctx, conn, m, shard); err != nil {
				return err
			}
			return schema.apply(ctx, conn, log)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", shard.Name, err)
		}
	}
	return nil
}

func requireClaimed(ctx context.Context, conn *pgx.Conn, m *shardmap.Map, shard *shardmap.Shard) error {
	err := identity.Check(ctx, conn, shard.Name, identity.Of(m, shard))
	if errors.Is(err, identity.ErrUnclaimed) {
		return fmt.Errorf("%w: run shardctl migrate first", err)
	}
	return err
}
