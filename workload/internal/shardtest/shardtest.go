// Package shardtest runs migrated shards on real PostgreSQL servers for tests.
package shardtest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/scalestack/scalestack/router"
	"github.com/scalestack/scalestack/workload/internal/migrate"
	"github.com/scalestack/scalestack/workload/internal/pgtest"
	"github.com/stretchr/testify/require"
)

// Start runs n shards with 12 buckets, and a router as the service's; both end
// with the test. See pgtest for when the test is skipped.
func Start(t *testing.T, n int) (*pgtest.Shards, *router.Router) {
	t.Helper()
	shards := pgtest.StartShards(t, n)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, migrate.Run(ctx, shards.Map, shards.Admin.As("test").ConnConfig, slog.New(slog.DiscardHandler)))
	return shards, Router(t, shards)
}

// Router returns a further router on the shards.
func Router(t *testing.T, shards *pgtest.Shards) *router.Router {
	t.Helper()
	r, err := router.New(shards.App.As("test"))
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r
}

// Move changes the owner of a bucket by hand, as a finished move leaves it; the
// rows of the bucket are the caller's business.
func Move(shards *pgtest.Shards, bucket, from, to int) {
	shards.Servers[from].Exec(pgtest.Database(from), `
		UPDATE scalestack.ownership SET state = 'moved', epoch = epoch + 1, owner = $2 WHERE bucket = $1`, bucket, to)
	shards.Servers[to].Exec(pgtest.Database(to), `
		INSERT INTO scalestack.ownership (bucket, state, epoch, owner) VALUES ($1, 'owned', 9, $2)
		ON CONFLICT (bucket) DO UPDATE SET state = 'owned', epoch = excluded.epoch + 1, owner = excluded.owner`, bucket, to)
}
