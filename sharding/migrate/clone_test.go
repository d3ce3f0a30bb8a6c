package migrate_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/identity"
	"github.com/scalestack/scalestack/sharding/migrate"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// A clone's databases say that they belong to the cluster that they are a copy of.
func TestACloneTakesItsOwnName(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	require.NoError(t, run(t, shards, shards.Map, time.Minute))
	connect, log := shards.Admin.As("test").ConnConfig, slog.New(slog.DiscardHandler)
	own := *shards.Map
	own.Cluster = "staging"
	var mismatch *identity.MismatchError
	require.ErrorAs(t, run(t, shards, &own, time.Minute), &mismatch)
	cluster := func(shard int) int {
		return shards.Servers[shard].Count(pgtest.Database(shard), "SELECT count(*) FROM scalestack.shard WHERE cluster = 'staging'")
	}

	err := migrate.TakeOver(t.Context(), &own, "other", connect, log)
	require.ErrorAs(t, err, &mismatch)
	require.ErrorContains(t, err, "the cluster is test there and other in the map")
	swapped := own
	swapped.Buckets = 24
	require.ErrorAs(t, migrate.TakeOver(t.Context(), &swapped, "test", connect, log), &mismatch)
	// One database of another cluster, and none is changed.
	shards.Servers[1].Exec(pgtest.Database(1), "UPDATE scalestack.shard SET cluster = 'other'")
	require.ErrorAs(t, migrate.TakeOver(t.Context(), &own, "test", connect, log), &mismatch)
	require.Zero(t, cluster(0))
	shards.Servers[1].Exec(pgtest.Database(1), "UPDATE scalestack.shard SET cluster = 'test'")

	for range 2 {
		require.NoError(t, migrate.TakeOver(t.Context(), &own, "test", connect, log))
		require.Equal(t, 2, cluster(0)+cluster(1))
	}
	require.NoError(t, run(t, shards, &own, time.Minute))
}
