package main

import (
	"log/slog"
	"testing"

	"github.com/scalestack/scalestack/sharding/migrate"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

func TestMigrateTwice(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	t.Setenv("SCALESTACK_SHARD_MAP", shards.Admin.MapFile)
	t.Setenv("SCALESTACK_SHARD_CREDENTIALS", shards.Owner.Credentials)
	t.Setenv("SCALESTACK_LOG_LEVEL", "error")
	_, err := execute(t, "migrate")
	require.ErrorContains(t, err, "nothing was changed: shard-0: the database is not a shard yet: run shardctl migrate first")
	require.NoError(t, migrate.Run(t.Context(), shards.Map, shards.Admin.As("test").ConnConfig, slog.New(slog.DiscardHandler)))
	for range 2 {
		_, err := execute(t, "migrate")
		require.NoError(t, err)
	}
	for id, server := range shards.Servers {
		require.Equal(t, 17, server.Count(pgtest.Database(id), "SELECT count(*) FROM scalestack.schema_version WHERE version_id > 0"))
		require.Equal(t, 8, server.Count(pgtest.Database(id), "SELECT count(*) FROM public.users_schema_version WHERE version_id > 0"))
	}
}
