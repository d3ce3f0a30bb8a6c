package migrate_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/fstest"
	"time"

	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/locks"
	"github.com/scalestack/scalestack/sharding/migrate"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
)

var widen = migrate.Schema{Table: "public.wider_schema_version", Files: fstest.MapFS{
	"00001_wider.sql": {Data: []byte("-- +goose Up\nALTER TABLE accounts ADD COLUMN note text;")},
}}

// A step waits for a long reader, and nobody else waits for long behind it.
func TestAMigrationDoesNotHoldUpReaders(t *testing.T) {
	shards := pgtest.StartShards(t, 1)
	shardtest.Migrate(t, t.Context(), shards, accounts.Schema())
	server, db := shards.Servers[0], pgtest.Database(0)
	reader := server.Admin(db)
	defer reader.Close(context.Background())
	tx, err := reader.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "SELECT FROM accounts")
	require.NoError(t, err)

	ended := make(chan error, 1)
	go func() { ended <- service(t, shards, time.Minute) }()
	other := server.App(db)
	_, err = other.Exec(t.Context(), "SET statement_timeout = '3s'")
	require.NoError(t, err)
	waited := false
	for until := time.Now().Add(6 * time.Second); time.Now().Before(until); {
		began := time.Now()
		_, err := other.Exec(t.Context(), "SELECT FROM accounts WHERE user_id = 1")
		require.NoError(t, err)
		waited = waited || time.Since(began) > locks.Wait/4
		time.Sleep(20 * time.Millisecond)
	}
	require.True(t, waited, "or the test has shown nothing")
	require.Empty(t, ended)
	require.NoError(t, tx.Commit(t.Context()))
	require.NoError(t, <-ended)
}

func service(t *testing.T, shards *pgtest.Shards, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	return migrate.Service(ctx, shards.Map, shards.Owner.As("test").ConnConfig, widen, slog.New(slog.DiscardHandler))
}

func TestMigrationsAndMovesExcludeEachOther(t *testing.T) {
	shards := pgtest.StartShards(t, 1)
	shardtest.Migrate(t, t.Context(), shards, accounts.Schema())
	server, db := shards.Servers[0], pgtest.Database(0)
	mover := server.Admin(db)
	defer mover.Close(context.Background())
	_, err := mover.Exec(t.Context(), "SELECT pg_advisory_lock($1)", locks.Mover)
	require.NoError(t, err)
	require.ErrorContains(t, service(t, shards, 3*time.Second), "shard-0: waiting for a mover")
	require.NoError(t, run(t, shards, shards.Map, time.Minute), "without a step to apply there is nothing to wait for")

	_, err = mover.Exec(t.Context(), "SELECT pg_advisory_unlock($1)", locks.Mover)
	require.NoError(t, err)
	server.Exec(db, "INSERT INTO scalestack.move (target, buckets, state) VALUES (1, '{1}', 'copied')")
	err = service(t, shards, time.Minute)
	var refused *migrate.RefusedError
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, "1 moves from this shard have not ended")
	server.Exec(db, "UPDATE scalestack.move SET state = 'aborted'")
	require.NoError(t, service(t, shards, time.Minute))
}

// Both ends of a move need the same tables, and only its source has the move's row.
func TestAServicesStepIsRefusedOnBothEndsOfAMove(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	shardtest.Migrate(t, t.Context(), shards, accounts.Schema())
	for name, c := range map[string]struct {
		shard             int
		begin, end, found string
	}{
		"a move from a later shard": {1, "INSERT INTO scalestack.move (target, buckets, state) VALUES (0, '{1}', 'switched')",
			"UPDATE scalestack.move SET state = 'complete'", "shard-1: 1 moves from this shard have not ended"},
		"a move that its source has forgotten": {1, "CREATE SUBSCRIPTION scalestack_move_0_1 CONNECTION '' PUBLICATION p WITH (connect = false, slot_name = NONE)",
			"DROP SUBSCRIPTION scalestack_move_0_1", "shard-1: it takes part in a move that has not ended"},
	} {
		t.Run(name, func(t *testing.T) {
			server, db := shards.Servers[c.shard], pgtest.Database(c.shard)
			server.Exec(db, c.begin)
			err := service(t, shards, time.Minute)
			var refused *migrate.RefusedError
			require.ErrorAs(t, err, &refused)
			require.ErrorContains(t, err, "nothing was changed: refused: "+c.found)
			for id, server := range shards.Servers {
				require.Zero(t, server.Count(pgtest.Database(id), "SELECT count(*) FROM pg_attribute WHERE attrelid = 'accounts'::regclass AND attname = 'note'"))
				require.Zero(t, server.Count(pgtest.Database(id), "SELECT count(*) FROM pg_class WHERE relname = 'wider_schema_version'"))
			}
			server.Exec(db, c.end)
		})
	}
	require.NoError(t, service(t, shards, time.Minute))
	shards.Servers[1].Exec(pgtest.Database(1), "INSERT INTO scalestack.move (target, buckets, state) VALUES (0, '{1}', 'copied')")
	require.NoError(t, service(t, shards, time.Minute), "without a step to apply there is nothing to refuse")
}

// slow is a step that works in a session of its own, while those with the locks are silent.
var slow = migrate.Schema{Table: "public.slow_schema_version", Files: fstest.MapFS{
	"00001_slow.sql": {Data: []byte("-- +goose Up\nSELECT pg_sleep(12);\nALTER TABLE accounts ADD COLUMN note text;")},
}}

func TestALongStepKeepsItsLocks(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	shardtest.Migrate(t, t.Context(), shards, accounts.Schema())
	last, db := shards.Servers[1], pgtest.Database(1)
	for _, server := range shards.Servers {
		server.Exec("postgres", "ALTER SYSTEM SET idle_session_timeout = '1s'")
		server.Exec("postgres", "SELECT pg_reload_conf()")
	}
	ended := make(chan error, 1)
	begin := func() {
		go func() {
			ended <- migrate.Service(t.Context(), shards.Map, shards.Owner.As("test").ConnConfig, slow, slog.New(slog.DiscardHandler))
		}()
		require.Eventually(t, func() bool {
			return shards.Servers[0].Count(pgtest.Database(0), "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'") == 1
		}, time.Minute, 100*time.Millisecond)
	}

	begin()
	time.Sleep(4 * time.Second)
	require.Equal(t, 0, last.Count(db, "SELECT pg_try_advisory_lock($1)::int", locks.Mover), "a mover may begin while the step runs")
	// Somebody ends the session with the last shard's locks while the first one's step runs.
	last.Exec(db, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
	require.ErrorIs(t, <-ended, locks.ErrLost)
	for id, server := range shards.Servers {
		require.Zero(t, server.Count(pgtest.Database(id), "SELECT count(*) FROM pg_attribute WHERE attrelid = 'accounts'::regclass AND attname = 'note'"))
	}

	begin()
	require.NoError(t, <-ended)
}

// A shard that was restored from before a move owns its old buckets as well.
func TestAShardRestoredFromBeforeAMoveIsRefused(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	require.NoError(t, run(t, shards, shards.Map, time.Minute))
	shards.Servers[1].Exec(pgtest.Database(1), "INSERT INTO scalestack.ownership (bucket, state, epoch, owner) VALUES (0, 'owned', 4, 1)")
	before := []string{dump(t, shards, 0), dump(t, shards, 1)}
	err := run(t, shards, shards.Map, time.Minute)
	require.ErrorContains(t, err, "nothing was changed: refused: shards 0 and 1 both own bucket 0, and shard 1 since later")
	require.Equal(t, before, []string{dump(t, shards, 0), dump(t, shards, 1)})
}
