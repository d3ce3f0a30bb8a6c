package relay

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/services/users/internal/shardtest"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// newOutbox is one with n events of which the last in the order of users is two hours old, and what a relay's session reads.
func newOutbox(t *testing.T, n int) (*outbox, *pgtest.Server) {
	t.Helper()
	shards, r := shardtest.Start(t, 1)
	shards.Servers[0].Exec(pgtest.Database(0), `
		INSERT INTO outbox (user_id, sequence, topic, type, schema, occurred_at, data)
		SELECT i, 1, 'user_events', 'UserUpdated', 'user/v1', now() - CASE WHEN i = $1 THEN interval '2 hours' ELSE interval '1 second' END, '{}'
		FROM generate_series(1, $1) AS i`, n)
	shards.Servers[0].Exec(pgtest.Database(0), "ANALYZE outbox")
	m := r.Map()
	s, err := openSession(t.Context(), shardtest.As(shards, "relay").As("relay").ConnConfig, m, &m.Shards[0])
	require.NoError(t, err)
	t.Cleanup(s.close)
	return &outbox{conn: s.conn, buckets: m.Buckets}, shards.Servers[0]
}

// An outbox that was filled for hours must not keep its relay from publishing: the more events wait, the less a look at
// all of them leaves of its session.
func TestALongOutboxIsNotReadWhole(t *testing.T) {
	const events = 3 * lookAt
	o, _ := newOutbox(t, events)
	var looked int
	require.NoError(t, pgx.BeginFunc(t.Context(), o.conn, func(tx pgx.Tx) error {
		b, err := o.measure(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, lookAt, b.waiting)
		require.Greater(t, b.oldest, time.Hour.Seconds(), "the oldest is at the other end")
		return tx.QueryRow(t.Context(), "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables WHERE relname LIKE 'outbox%'").Scan(&looked)
	}))
	require.LessOrEqual(t, looked, 2*lookAt+10)
}

func TestALookForRefusedEventsEnds(t *testing.T) {
	o, server := newOutbox(t, 10)
	_, err := o.sweep(t.Context(), "UPDATE %s SET parked = 'too large' WHERE user_id <= 3")
	require.NoError(t, err)
	rows, known, err := o.parked(t.Context())
	require.NoError(t, err)
	require.True(t, known)
	require.EqualValues(t, 3, rows)

	admin := server.Admin(pgtest.Database(0))
	defer admin.Close(context.Background())
	tx, err := admin.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "LOCK TABLE outbox")
	require.NoError(t, err)
	_, known, err = o.parked(t.Context())
	require.NoError(t, err, "the session goes on")
	require.False(t, known)
	require.NoError(t, tx.Rollback(t.Context()))
	_, known, err = o.parked(t.Context())
	require.NoError(t, err)
	require.True(t, known)
}
