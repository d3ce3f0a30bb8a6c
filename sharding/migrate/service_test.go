package migrate_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/fstest"
	"time"

	"github.com/scalestack/scalestack/sharding/identity"
	"github.com/scalestack/scalestack/sharding/migrate"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// A service's steps may call what only a newer engine has, so that an older one
// is refused on all shards before the first is changed.
func TestAServiceNeedsItsEngine(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	apply := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		return migrate.Service(ctx, shards.Map, shards.Owner.As("test").ConnConfig, migrate.Schema{
			Files: fstest.MapFS{"00001_orders.sql": {Data: []byte("-- +goose Up\nCREATE TABLE orders (user_id bigint PRIMARY KEY);")}},
			Table: "public.orders_schema_version",
		}, slog.New(slog.DiscardHandler))
	}
	untouched := func() {
		t.Helper()
		for id, server := range shards.Servers {
			require.Zero(t, server.Count(pgtest.Database(id), "SELECT count(*) FROM pg_class WHERE relname LIKE 'orders%'"))
		}
	}
	err := apply()
	require.ErrorIs(t, err, identity.ErrUnclaimed)
	for _, shard := range []string{"shard-0", "shard-1"} {
		require.ErrorContains(t, err, shard+": the database is not a shard yet: run shardctl migrate first")
	}
	untouched()

	require.NoError(t, run(t, shards, shards.Map, time.Minute))
	last, db := shards.Servers[1], pgtest.Database(1)
	newest := int64(last.Count(db, "SELECT max(version_id)::int FROM scalestack.schema_version"))
	last.Exec(db, "DELETE FROM scalestack.schema_version WHERE version_id = $1", newest)
	before := int64(last.Count(db, "SELECT max(version_id)::int FROM scalestack.schema_version"))
	err = apply()
	var outdated *migrate.EngineError
	require.ErrorAs(t, err, &outdated)
	require.Equal(t, migrate.EngineError{Shard: "shard-1", Have: before, Need: newest}, *outdated)
	require.ErrorContains(t, err, "nothing was changed: shard-1: the engine's schema has version")
	untouched()

	last.Exec(db, "INSERT INTO scalestack.schema_version (version_id, is_applied) VALUES ($1, true)", newest+1)
	require.NoError(t, apply(), "a newer engine serves older services")
	require.NoError(t, apply())
}
