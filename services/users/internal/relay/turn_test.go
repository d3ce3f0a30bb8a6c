package relay_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/locks"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// fill adds an event for each of some users, as their next one.
func (r *rig) fill(users, sequence int) {
	r.Helper()
	r.shards.Servers[0].Exec(pgtest.Database(0), `
		INSERT INTO outbox (user_id, sequence, topic, type, schema, data)
		SELECT n, $2::bigint, 'user_events', 'UserUpdated', 'user/v1', jsonb_build_object('user_id', n, 'version', $2::bigint, 'name', 'Ada', 'email', 'ada@example.com')
		FROM generate_series(1, $1::bigint) AS n`, users, sequence)
}

// holdSnapshot keeps every row from being cleared away until the test ends.
func (r *rig) holdSnapshot() {
	conn := r.shards.Servers[0].Admin(pgtest.Database(0))
	r.Cleanup(func() { _ = conn.Close(context.Background()) })
	tx, err := conn.BeginTx(r.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	require.NoError(r, err)
	_, err = tx.Exec(r.Context(), "SELECT FROM users")
	require.NoError(r, err)
}

// The outbox stays small though nothing can be vacuumed: its two tables turn, each
// user's events stay in order over that, and what Kafka refused is kept.
func TestAHeldSnapshotDoesNotFillTheOutbox(t *testing.T) {
	r := newRig(t, 1)
	r.batch, r.poll = 500, 20*time.Millisecond
	count := func(sql string) int { return r.shards.Servers[0].Count(pgtest.Database(0), sql) }
	r.shards.Servers[0].Exec(pgtest.Database(0), `
		INSERT INTO outbox (user_id, sequence, topic, type, schema, data, parked) VALUES (0, 1, 'user_events', 'UserUpdated', 'user/v1', '{}', 'refused')`)
	r.holdSnapshot()
	before := count("SELECT 'outbox'::regclass::oid::int")
	want := map[int64]int{}
	r.start()
	turned := 0
	for sequence := 1; sequence <= 4; sequence++ {
		r.fill(6_000, sequence)
		require.Eventually(t, func() bool { return count("SELECT count(*) FROM outbox_all WHERE parked IS NULL") == 0 }, time.Minute, 20*time.Millisecond)
		if now := count("SELECT 'outbox'::regclass::oid::int"); now != before {
			turned, before = turned+1, now
		}
	}
	for user := range int64(6_000) {
		want[user+1] = 4
	}
	require.Zero(t, r.published(want), "no copies")
	require.GreaterOrEqual(t, turned, 2)
	require.Equal(t, 1, count("SELECT count(*) FROM outbox_all WHERE parked IS NOT NULL"))
	pages := count("SELECT (pg_relation_size('outbox') + pg_relation_size('outbox_spare')) / 8192")
	require.Less(t, pages, 24_000/50, "the rows of at most two turns")
	require.Equal(t, 6, count("SELECT count(*) FROM pg_class WHERE relname IN ('outbox', 'outbox_spare', 'outbox_pkey', 'outbox_spare_pkey', 'outbox_waiting', 'outbox_spare_waiting')"))
}

// The tables do not turn while a move knows them by their names.
func TestTheOutboxDoesNotTurnDuringAMove(t *testing.T) {
	r := newRig(t, 1)
	server, db := r.shards.Servers[0], pgtest.Database(0)
	turned := func() (done bool) {
		require.NoError(t, server.App(db).QueryRow(t.Context(), "SELECT turn_outbox()").Scan(&done))
		return done
	}
	require.True(t, turned())
	server.Exec(db, "CREATE PUBLICATION scalestack_move_0_1 FOR TABLE outbox")
	require.False(t, turned())
	server.Exec(db, "DROP PUBLICATION scalestack_move_0_1")
	mover := server.Admin(db)
	_, err := mover.Exec(t.Context(), "SELECT pg_advisory_lock($1)", locks.Mover)
	require.NoError(t, err)
	require.False(t, turned(), "a mover is at work, or a migration")
	require.NoError(t, mover.Close(t.Context()))
	require.Eventually(t, turned, 5*time.Second, 50*time.Millisecond)

	writer, err := server.App(db).Begin(t.Context())
	require.NoError(t, err)
	_, err = writer.Exec(t.Context(), "INSERT INTO outbox (user_id, sequence, topic, type, schema, data) VALUES (1, 1, 'user_events', 'UserUpdated', 'user/v1', '{}')")
	require.NoError(t, err)
	require.False(t, turned(), "a writer is at it")
	require.NoError(t, writer.Commit(t.Context()))
	require.True(t, turned(), "the spare was empty")
	require.False(t, turned(), "a row waits in the spare")
	r.shards.Servers[0].Exec(db, "UPDATE outbox_spare SET parked = 'refused'")
	require.True(t, turned())
	require.Equal(t, 1, server.Count(db, "SELECT count(*) FROM outbox_spare WHERE parked IS NOT NULL"))
}
