package history

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/catalog"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"golang.org/x/sync/errgroup"
)

// Seed inserts the seeded users of a population into the shards that own them, on all
// shards at once, with COPY. The fence checks every row as it would a client's.
func (p Population) Seed(ctx context.Context, owners []int, shards []Shard) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, shard := range shards {
		group.Go(func() error {
			_, err := shard.Conn.CopyFrom(ctx, pgx.Identifier{shard.Table}, []string{"user_id", "name", "email"}, p.rowsOf(owners, shard.ID))
			if err != nil {
				return fmt.Errorf("seeding shard %d: %w", shard.ID, err)
			}
			_, err = shard.Conn.Exec(ctx, "ANALYZE "+pgx.Identifier{shard.Table}.Sanitize())
			return err
		})
	}
	return group.Wait()
}

func (p Population) rowsOf(owners []int, shard int) pgx.CopyFromSource {
	user := p.First - 1
	return pgx.CopyFromFunc(func() ([]any, error) {
		for user++; p.Has(user); user++ {
			if owners[shardmap.Bucket(user, len(owners))] == shard {
				return []any{user, SeedName(user), Email(user)}, nil
			}
		}
		return nil, nil
	})
}

// Remove deletes every user of the population and everything that belongs to it,
// wherever it lies: after a failed run, a shard may hold rows that its fence would not
// let go.
func (p Population) Remove(ctx context.Context, shards []Shard) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, shard := range shards {
		group.Go(func() error { return p.removeFrom(ctx, shard) })
	}
	return group.Wait()
}

func (p Population) removeFrom(ctx context.Context, shard Shard) error {
	tables, err := catalog.Tables(ctx, shard.Conn)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, shard.Conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL session_replication_role = replica"); err != nil {
			return err
		}
		for _, table := range tables {
			if _, err := tx.Exec(ctx, "DELETE FROM "+table.Name+" WHERE "+table.QuotedKey+" >= $1 AND "+table.QuotedKey+" < $2", p.First, p.First+room); err != nil {
				return err
			}
		}
		return nil
	})
}
