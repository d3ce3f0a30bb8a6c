package migrate_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/access"
	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/migrate"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
)

// lose takes a shard's rows, as an empty volume does.
func lose(shards *pgtest.Shards, id int) {
	shards.Servers[id].Exec("postgres", "DROP DATABASE "+pgtest.Database(id)+" WITH (FORCE)")
	shards.Servers[id].Exec("postgres", "CREATE DATABASE "+pgtest.Database(id))
	shards.Servers[id].Own(pgtest.Database(id))
}

func requireLost(t *testing.T, shards *pgtest.Shards, id int) {
	t.Helper()
	err := run(t, shards, shards.Map, time.Minute)
	var refused *migrate.RefusedError
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, "nothing was changed: refused: shard "+shards.Map.Shards[id].Name[len("shard-"):]+" was a shard and is an empty database now")
	require.Zero(t, shards.Servers[id].Count(pgtest.Database(id), "SELECT count(*) FROM pg_class WHERE relnamespace = 'scalestack'::regnamespace"))
}

// An initial shard whose volume was lost must not become an empty one: its users would
// be registered anew, beside caches and events of those that were.
func TestALostShardTakesNothing(t *testing.T) {
	shards := pgtest.StartShards(t, 3)
	shardtest.Migrate(t, t.Context(), shards, accounts.Schema())
	for id := range shards.Servers {
		lose(shards, id)
		requireLost(t, shards, id)
		require.NoError(t, migrate.FoundAnew(t.Context(), shards.Map, []int{id}, shards.Admin.As("test").ConnConfig, slog.New(slog.DiscardHandler)))
		require.Equal(t, 4, shards.Servers[id].Count(pgtest.Database(id), "SELECT count(*) FROM scalestack.ownership WHERE state = 'owned'"))
	}
	require.NoError(t, run(t, shards, shards.Map, time.Minute))
}

// A stack of an earlier release has no note that all shards were there, but roles.
func TestAShardOfAnEarlierReleaseIsLost(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	require.NoError(t, run(t, shards, shards.Map, time.Minute))
	require.NoError(t, applyRoles(t, shards, access.Spec{}))
	shards.Servers[0].Exec(pgtest.Database(0), `DELETE FROM scalestack.schema_version WHERE version_id >= 15;
		ALTER TABLE scalestack.shard DROP founded; ALTER TABLE scalestack.rotation DROP description, DROP retired`)
	lose(shards, 1)
	requireLost(t, shards, 1)
}

// A founding that was cut short after any shard goes on.
func TestAFoundingGoesOn(t *testing.T) {
	for claimed := range 3 {
		shards := pgtest.StartShards(t, 2)
		require.NoError(t, run(t, shards, shards.Map, time.Minute))
		for id := claimed; id < 2; id++ {
			lose(shards, id)
		}
		for id := range claimed {
			shards.Servers[id].Exec(pgtest.Database(id), "UPDATE scalestack.shard SET founded = false")
		}
		require.NoError(t, run(t, shards, shards.Map, time.Minute))
		for id, server := range shards.Servers {
			require.Equal(t, 1, server.Count(pgtest.Database(id), "SELECT count(*) FROM scalestack.shard WHERE founded"))
			require.Equal(t, 6, server.Count(pgtest.Database(id), "SELECT count(*) FROM scalestack.ownership WHERE state = 'owned'"))
		}
	}
}
