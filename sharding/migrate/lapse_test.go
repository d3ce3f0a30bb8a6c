package migrate_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

const fenceUntil = `
	UPDATE scalestack.ownership SET state = 'fenced', epoch = 2, fenced_until = clock_timestamp() + $1::interval WHERE bucket = $2`

// The first writer after the end lifts the fence with its own transaction.
func TestAFenceThatLapses(t *testing.T) {
	shards := pgtest.StartShards(t, 1)
	runBoth(t, shards)
	server, db := shards.Servers[0], pgtest.Database(0)
	app := server.App(db)
	state := func(bucket int, want string, epoch int) {
		t.Helper()
		require.Equal(t, 1, server.Count(db, "SELECT count(*) FROM scalestack.ownership WHERE bucket = $1 AND state = $2 AND epoch = $3", bucket, want, epoch))
	}

	t.Run("holds until then", func(t *testing.T) {
		server.Exec(db, fenceUntil, "1 hour", 1)
		_, err := app.Exec(t.Context(), insert, 1)
		requireRefused(t, err, `{"bucket":1,"shard":0,"state":"fenced","epoch":2,"owner":0}`)
		state(1, "fenced", 2)
	})
	t.Run("is lifted by a write, not by a read", func(t *testing.T) {
		server.Exec(db, fenceUntil, "-1 second", 2)
		_, err := app.Exec(t.Context(), "SELECT scalestack.require_readable(2)")
		require.NoError(t, err)
		state(2, "fenced", 2)
		_, err = app.Exec(t.Context(), insert, 2)
		require.NoError(t, err)
		state(2, "owned", 3)
	})
	t.Run("stays when the write is taken back", func(t *testing.T) {
		server.Exec(db, fenceUntil, "-1 second", 3)
		tx := begin(t, app, pgx.TxOptions{})
		_, err := tx.Exec(t.Context(), insert, 3)
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(t.Context()))
		state(3, "fenced", 2)
	})
	t.Run("is lifted once by two writers", func(t *testing.T) {
		server.Exec(db, fenceUntil, "-1 second", 4)
		first := begin(t, app, pgx.TxOptions{})
		_, err := first.Exec(t.Context(), insert, 4)
		require.NoError(t, err)
		second := make(chan error, 1)
		other := server.App(db)
		go func() {
			_, err := other.Exec(context.Background(), insert, 16)
			second <- err
		}()
		require.Eventually(t, func() bool {
			return server.Count(db, "SELECT count(*) FROM pg_locks WHERE NOT granted") == 1
		}, 10*time.Second, 10*time.Millisecond)
		require.NoError(t, first.Commit(t.Context()))
		require.NoError(t, <-second)
		state(4, "owned", 3)
	})
	t.Run("a bucket handed over before the write is gone", func(t *testing.T) {
		server.Exec(db, fenceUntil, "-1 second", 5)
		admin := server.Admin(db)
		defer admin.Close(context.Background())
		mover := begin(t, admin, pgx.TxOptions{})
		_, err := mover.Exec(t.Context(), "UPDATE scalestack.ownership SET state = 'moved', owner = 1, epoch = 3 WHERE bucket = 5 AND state = 'fenced'")
		require.NoError(t, err)
		late := make(chan error, 1)
		go func() {
			_, err := app.Exec(context.Background(), insert, 5)
			late <- err
		}()
		require.Eventually(t, func() bool {
			return server.Count(db, "SELECT count(*) FROM pg_locks WHERE NOT granted") == 1
		}, 10*time.Second, 10*time.Millisecond)
		require.NoError(t, mover.Commit(t.Context()))
		requireRefused(t, <-late, `{"bucket":5,"shard":0,"state":"moved","epoch":3,"owner":1}`)
	})
}

func TestRowsThatCount(t *testing.T) {
	shards := pgtest.StartShards(t, 1)
	runBoth(t, shards)
	server, db := shards.Servers[0], pgtest.Database(0)
	for id := range 12 {
		server.Exec(db, insert, id)
	}
	server.Exec(db, "UPDATE scalestack.ownership SET state = 'fenced' WHERE bucket = 3")
	server.Exec(db, "UPDATE scalestack.ownership SET state = 'moved' WHERE bucket = 4")
	server.Exec(db, "DELETE FROM scalestack.ownership WHERE bucket = 5")
	app := server.App(db)
	for _, where := range []string{
		"scalestack.owned(user_id)",
		"(user_id % 12 + 12) % 12 IN (SELECT bucket FROM scalestack.owned_buckets)",
	} {
		var ids []int64
		require.NoError(t, app.QueryRow(t.Context(), "SELECT array_agg(user_id ORDER BY 1) FROM accounts WHERE "+where).Scan(&ids))
		require.Equal(t, []int64{0, 1, 2, 3, 6, 7, 8, 9, 10, 11}, ids)
	}
}
