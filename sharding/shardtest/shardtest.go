// Package shardtest runs migrated shards on real PostgreSQL servers for tests.
package shardtest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/migrate"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/stretchr/testify/require"
)

// Start runs n shards with 12 buckets and a service's tables, and a router like the
// service's. Both end with the test. See pgtest for when the test is skipped.
func Start(t *testing.T, n int, service migrate.Schema) (*pgtest.Shards, *router.Router) {
	t.Helper()
	shards := pgtest.StartShards(t, n)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	Migrate(t, ctx, shards, service)
	return shards, Router(t, shards)
}

// Migrate makes the servers shards with a service's tables.
func Migrate(t *testing.T, ctx context.Context, shards *pgtest.Shards, service migrate.Schema) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	require.NoError(t, migrate.Run(ctx, shards.Map, shards.Admin.As("test").ConnConfig, log))
	require.NoError(t, migrate.Service(ctx, shards.Map, shards.Owner.As("test").ConnConfig, service, log))
}

// Router returns another router on the shards.
func Router(t *testing.T, shards *pgtest.Shards) *router.Router {
	t.Helper()
	r, err := router.New(shards.App.As("test"))
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r
}

// Move changes the owner of a bucket by hand, as a finished move leaves it. Moving the
// bucket's rows is up to the caller.
func Move(shards *pgtest.Shards, bucket, from, to int) {
	shards.Servers[from].Exec(pgtest.Database(from), `
		UPDATE scalestack.ownership SET state = 'moved', epoch = epoch + 1, owner = $2 WHERE bucket = $1`, bucket, to)
	shards.Servers[to].Exec(pgtest.Database(to), `
		INSERT INTO scalestack.ownership (bucket, state, epoch, owner) VALUES ($1, 'owned', 9, $2)
		ON CONFLICT (bucket) DO UPDATE SET state = 'owned', epoch = excluded.epoch + 1, owner = excluded.owner`, bucket, to)
}
