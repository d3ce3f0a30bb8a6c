// Package reach checks whether the shards answer a program that uses its own rights.
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
// serve nobody. ask reads something of a user; where the router refuses the user's bucket,
// the shard is asked about the next one.
func Any(ctx context.Context, m *shardmap.Map, ask func(ctx context.Context, userID int64) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	shards := perShard(m)
	answers := make(chan error, len(shards))
	for _, ids := range shards {
		go func() { answers <- first(ctx, ids, ask) }()
	}
	var failures []error
	for range shards {
		err := <-answers
		if err == nil {
			return nil
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// first asks about one user after the other until it meets a bucket that is not refused
// for having two owners, which says nothing of the shard.
func first(ctx context.Context, ids []int64, ask func(ctx context.Context, userID int64) error) (err error) {
	for _, id := range ids {
		err = ask(ctx, id)
		var twice *router.OwnedTwiceError
		if !errors.As(err, &twice) {
			return err
		}
	}
	return err
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
	for _, of := range perShard(m) {
		ids = append(ids, of[0])
	}
	return ids
}

// perShard returns a user id for every bucket of every shard that has some.
func perShard(m *shardmap.Map) (shards [][]int64) {
	at := map[int]int{}
	for id := range int64(m.Buckets) {
		shard := m.ShardOf(id).ID
		i, seen := at[shard]
		if !seen {
			i = len(shards)
			at[shard], shards = i, append(shards, nil)
		}
		shards[i] = append(shards[i], id)
	}
	return shards
}
