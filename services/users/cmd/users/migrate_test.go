package main

import (
	"testing"

	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

func TestMigrateTwice(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	t.Setenv("SCALESTACK_SHARD_MAP", shards.Admin.MapFile)
	t.Setenv("SCALESTACK_SHARD_CREDENTIALS", shards.Admin.Credentials)
	t.Setenv("SCALESTACK_LOG_LEVEL", "error")
	for range 2 {
		_, err := execute(t, "migrate")
		require.NoError(t, err)
	}
	for id, server := range shards.Servers {
		require.Equal(t, 5, server.Count(pgtest.Database(id), "SELECT count(*) FROM scalestack.schema_version WHERE version_id > 0"))
		require.Equal(t, 4, server.Count(pgtest.Database(id), "SELECT count(*) FROM public.users_schema_version WHERE version_id > 0"))
	}
}
