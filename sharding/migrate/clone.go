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

// TakeOver gives the shards of a clone the cluster name of their map, where they still
// have that of the cluster that they are a clone of. Nothing but the name may differ:
// for any other database it returns an *identity.MismatchError before it changes
// anything. Databases that are no shard yet, or already have the name, are left alone.
func TakeOver(ctx context.Context, m *shardmap.Map, from string, connect Connector, log *slog.Logger) error {
	source := *m
	source.Cluster = from
	cloned := make([]bool, len(m.Shards))
	if err := forEach(m, func(i int, shard *shardmap.Shard) error {
		conn, err := waitFor(ctx, shard, connect, log)
		if err != nil {
			return err
		}
		defer conn.Close(context.WithoutCancel(ctx))
		cloned[i], err = isClone(ctx, conn, m, &source, shard)
		return err
	}); err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	return forEach(m, func(i int, shard *shardmap.Shard) error {
		if !cloned[i] {
			return nil
		}
		return whileLocked(ctx, shard, connect, log, func(conn *pgx.Conn) error {
			if _, err := conn.Exec(ctx, "UPDATE scalestack.shard SET cluster = $1 WHERE cluster = $2", m.Cluster, from); err != nil {
				return fmt.Errorf("%s: %w", shard.Name, err)
			}
			log.Info("a clone's shard has its own name", "shard", shard.Name, "cluster", m.Cluster, "cloneOf", from)
			return nil
		})
	})
}

// isClone reports whether a database is the shard of the source's map.
func isClone(ctx context.Context, conn *pgx.Conn, m, source *shardmap.Map, shard *shardmap.Shard) (bool, error) {
	have, err := identity.Read(ctx, conn)
	switch {
	case errors.Is(err, identity.ErrUnclaimed):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("%s: %w", shard.Name, err)
	case have == identity.Of(m, shard):
		return false, nil
	}
	return true, identity.Check(ctx, conn, shard.Name, identity.Of(source, shard))
}
