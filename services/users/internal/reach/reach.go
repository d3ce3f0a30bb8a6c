// Package reach asks whether the shards answer a program, with the rights that it has.
package reach

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// Any returns nil as soon as one shard has answered, and otherwise what each said. A
// process for which none does (wrong credentials, TLS, names, tables or rights) can
// serve nobody. ask reads something of a user.
func Any(ctx context.Context, m *shardmap.Map, ask func(ctx context.Context, userID int64) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ids := OnePerShard(m)
	answers := make(chan error, len(ids))
	for _, id := range ids {
		go func() { answers <- ask(ctx, id) }()
	}
	var failures []error
	for range ids {
		err := <-answers
		if err == nil {
			return nil
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// Tables is Any for a program that uses these tables, which are sharded by user_id.
func Tables(ctx context.Context, r *router.Router, tables ...string) error {
	return Any(ctx, r.Map(), func(ctx context.Context, userID int64) error {
		_, err := r.Read(ctx, userID, func(ctx context.Context, conn *pgxpool.Conn) error {
			for _, table := range tables {
				statement := fmt.Sprintf("SELECT scalestack.require_readable($1), EXISTS (SELECT FROM %s WHERE user_id = $1)", pgx.Identifier{table}.Sanitize())
				if _, err := conn.Exec(ctx, statement, userID); err != nil {
					return err
				}
			}
			return nil
		})
		return err
	})
}

// OnePerShard returns a user id for every shard that has buckets.
func OnePerShard(m *shardmap.Map) (ids []int64) {
	seen := map[int]bool{}
	for id := range int64(m.Buckets) {
		if shard := m.ShardOf(id).ID; !seen[shard] {
			seen[shard] = true
			ids = append(ids, id)
		}
	}
	return ids
}
