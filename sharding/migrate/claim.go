package migrate

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/identity"
)

const (
	insertShard = `
		INSERT INTO scalestack.shard (cluster, shard_id, buckets, initial_shards, strict)
		VALUES ($1, $2, $3, $4, true) ON CONFLICT DO NOTHING`
	insertOwnership = `
		INSERT INTO scalestack.ownership (bucket, state, owner)
		SELECT bucket, 'owned', $1 FROM unnest($2::integer[]) AS bucket`
)

// claim makes the database the wanted shard, once. The row and the buckets are written
// in one transaction; until then the fence refuses every write.
//
// The buckets are those of the base map, never of the current assignment: afterwards
// they change hands only by a move, which brings their rows along. A bucket that
// another shard has heard of has moved before, so an empty server in place of a removed
// shard takes nothing.
func claim(ctx context.Context, conn *pgx.Conn, want identity.Identity, vacant []int32, log *slog.Logger) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, insertShard, want.Cluster, want.ShardID, want.Buckets, want.InitialShards)
		if err != nil {
			return fmt.Errorf("claiming the database: %w", err)
		}
		if tag.RowsAffected() == 0 {
			log.Info("schema is current")
			return nil
		}
		if _, err := tx.Exec(ctx, "SELECT scalestack.fix_buckets()"); err != nil {
			return fmt.Errorf("fixing the number of buckets: %w", err)
		}
		tag, err = tx.Exec(ctx, insertOwnership, want.ShardID, vacant)
		if err != nil {
			return fmt.Errorf("claiming buckets: %w", err)
		}
		log.Info("database claimed", "cluster", want.Cluster, "buckets", tag.RowsAffected())
		return nil
	})
}
