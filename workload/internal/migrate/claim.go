package migrate

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/internal/identity"
)

const (
	insertShard = `
		INSERT INTO scalestack.shard (cluster, shard_id, buckets, initial_shards)
		VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`
	// The base map, never the current assignment: from then on buckets change
	// hands only by a move, which brings their rows along.
	insertOwnership = `
		INSERT INTO scalestack.ownership (bucket, state, owner)
		SELECT bucket, 'owned', $1 FROM generate_series(0, $2::integer - 1) AS bucket
		WHERE bucket % $3 = $1`
)

// claim makes the database the wanted shard, once. The row and the buckets come
// in one transaction; until then the fence refuses every write.
func claim(ctx context.Context, conn *pgx.Conn, want identity.Identity, log *slog.Logger) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, insertShard, want.Cluster, want.ShardID, want.Buckets, want.InitialShards)
		if err != nil {
			return fmt.Errorf("claiming the database: %w", err)
		}
		if tag.RowsAffected() == 0 {
			log.Info("schema is current")
			return nil
		}
		tag, err = tx.Exec(ctx, insertOwnership, want.ShardID, want.Buckets, want.InitialShards)
		if err != nil {
			return fmt.Errorf("claiming buckets: %w", err)
		}
		log.Info("database claimed", "cluster", want.Cluster, "buckets", tag.RowsAffected())
		return nil
	})
}
