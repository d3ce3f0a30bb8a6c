package migrate_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/identity"
	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/migrate"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
)

func run(t *testing.T, shards *pgtest.Shards, m *shardmap.Map, timeout time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	return migrate.Run(ctx, m, shards.Admin.As("test").ConnConfig, slog.New(slog.DiscardHandler))
}

// runBoth also makes the tables that the fence's tests use.
func runBoth(t *testing.T, shards *pgtest.Shards) {
	t.Helper()
	shardtest.Migrate(t, t.Context(), shards, accounts.Schema())
}

// dump is everything that a migration could change.
func dump(t *testing.T, shards *pgtest.Shards, id int) string {
	t.Helper()
	conn := shards.Servers[id].Admin(pgtest.Database(id))
	defer conn.Close(t.Context())
	var text string
	require.NoError(t, conn.QueryRow(t.Context(), `
		SELECT concat_ws(' ',
			(SELECT string_agg(relname || relfilenode, ',' ORDER BY oid) FROM pg_class WHERE oid >= 16384),
			(SELECT string_agg(proname || xmin, ',' ORDER BY oid) FROM pg_proc WHERE oid >= 16384),
			query_to_xml('SELECT * FROM scalestack.shard', true, false, ''),
			query_to_xml('SELECT * FROM scalestack.ownership ORDER BY 1', true, false, ''),
			query_to_xml('SELECT * FROM scalestack.schema_version ORDER BY 1', true, false, ''))`).Scan(&text))
	return text
}

func TestMigrate(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	require.NoError(t, run(t, shards, shards.Map, time.Minute))

	for id, server := range shards.Servers {
		db := pgtest.Database(id)
		require.Equal(t, 6, server.Count(db, "SELECT count(*) FROM scalestack.ownership WHERE state = 'owned' AND epoch = 1 AND owner = $1 AND bucket % 2 = $1", id))
		require.Equal(t, 6, server.Count(db, "SELECT count(*) FROM scalestack.ownership"))
		have, err := identity.Read(t.Context(), server.App(db))
		require.NoError(t, err)
		require.Equal(t, identity.Identity{Cluster: "test", ShardID: id, Buckets: 12, InitialShards: 2}, have)
	}

	before := []string{dump(t, shards, 0), dump(t, shards, 1)}
	unchanged := func(t *testing.T) {
		t.Helper()
		require.Equal(t, before, []string{dump(t, shards, 0), dump(t, shards, 1)})
	}
	t.Run("again", func(t *testing.T) {
		require.NoError(t, run(t, shards, shards.Map, time.Minute))
		unchanged(t)
	})
	t.Run("another assignment keeps the owners", func(t *testing.T) {
		next := *shards.Map
		next.Generation, next.Assignment = 2, shardmap.Base(12, 1)
		require.NoError(t, run(t, shards, &next, time.Minute))
		unchanged(t)
	})
	for name, c := range refusals(shards.Map) {
		t.Run(name, func(t *testing.T) {
			err := run(t, shards, c.m, time.Minute)
			require.ErrorContains(t, err, "nothing was changed: ")
			require.ErrorContains(t, err, c.message)
			unchanged(t)
		})
	}
	t.Run("a shard that stays down", func(t *testing.T) {
		shards.Servers[1].Stop()
		defer shards.Servers[1].Run()
		err := run(t, shards, shards.Map, 1500*time.Millisecond)
		require.ErrorContains(t, err, "nothing was changed: shard-1: not ready in time: ")
		require.ErrorContains(t, err, "connection refused")
	})
}

type refusal struct {
	m       *shardmap.Map
	message string
}

func refusals(good *shardmap.Map) map[string]refusal {
	change := func(edit func(*shardmap.Map)) *shardmap.Map {
		m := *good
		m.Shards = append([]shardmap.Shard(nil), good.Shards...)
		edit(&m)
		return &m
	}
	return map[string]refusal{
		"another cluster's map": {change(func(m *shardmap.Map) { m.Cluster = "other" }),
			"shard-1: the shard map does not describe this database: the cluster is test there and other in the map"},
		"another bucket count": {change(func(m *shardmap.Map) { m.Buckets, m.Assignment = 24, shardmap.Base(24, 2) }),
			"shard-0: the shard map does not describe this database: the number of buckets is 12 there and 24 in the map"},
		"another initial count": {change(func(m *shardmap.Map) { m.InitialShards = 1 }),
			"the number of initial shards is 2 there and 1 in the map"},
		"a shard that owns buckets left out": {change(func(m *shardmap.Map) { m.Shards, m.Assignment = m.Shards[:1], make([]int, 12) }),
			"refused: shard 1 is not in the map and owns 6 buckets (1, 3, 5, 7, 9, …): drain it first"},
		"swapped shards": {change(func(m *shardmap.Map) {
			a, b := &m.Shards[0], &m.Shards[1]
			a.Port, b.Port = b.Port, a.Port
			a.Database, b.Database = b.Database, a.Database
		}), "shard-0: the shard map does not describe this database: the shard id is 1 there and 0 in the map"},
	}
}

func TestTwoAtOnceAndANewShard(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	base := *shards.Map
	base.Shards, base.InitialShards, base.Assignment = shards.Map.Shards[:1], 1, shardmap.Base(12, 1)
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if err := run(t, shards, &base, time.Minute); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	require.Equal(t, 12, shards.Servers[0].Count(pgtest.Database(0), "SELECT count(*) FROM scalestack.ownership"))

	grown := base
	grown.Shards, grown.Generation = shards.Map.Shards, 2
	require.NoError(t, run(t, shards, &grown, time.Minute))
	require.Zero(t, shards.Servers[1].Count(pgtest.Database(1), "SELECT count(*) FROM scalestack.ownership"))
}

// A shard leaves the map when nothing of it is left, and one that comes back
// with an empty server takes nothing of what it had at first.
func TestAShardLeavesAndComesBackEmpty(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	require.NoError(t, run(t, shards, shards.Map, time.Minute))
	left := *shards.Map
	left.Shards, left.Assignment = shards.Map.Shards[:1], make([]int, 12)
	admin, db := shards.Servers[0], pgtest.Database(0)

	admin.Exec(db, "CREATE PUBLICATION scalestack_move_1_4_back")
	admin.Exec(db, "INSERT INTO scalestack.ownership (bucket, state, epoch, owner) SELECT bucket, 'owned', 5, 0 FROM generate_series(1, 11, 2) AS bucket")
	err := run(t, shards, &left, time.Minute)
	require.ErrorContains(t, err, "refused: shard 1 is not in the map and a move from or to it has not ended")
	admin.Exec(db, "DROP PUBLICATION scalestack_move_1_4_back")
	require.NoError(t, run(t, shards, &left, time.Minute))

	shards.Servers[1].Exec(pgtest.Database(1), "DROP SCHEMA scalestack CASCADE")
	shards.Servers[1].Exec(pgtest.Database(1), "DROP SCHEMA public CASCADE")
	shards.Servers[1].Exec(pgtest.Database(1), "CREATE SCHEMA public")
	require.NoError(t, run(t, shards, shards.Map, time.Minute))
	require.Zero(t, shards.Servers[1].Count(pgtest.Database(1), "SELECT count(*) FROM scalestack.ownership"))
}
