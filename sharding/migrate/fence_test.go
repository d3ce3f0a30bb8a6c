package migrate_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

const insert = "INSERT INTO accounts (user_id, name, email) VALUES ($1, 'Ada', 'ada@example.com')"

func requireRefused(t *testing.T, err error, detail string) {
	t.Helper()
	var pgErr *pgconn.PgError
	require.ErrorAs(t, err, &pgErr)
	require.Equal(t, "SS001", pgErr.Code, pgErr.Message)
	require.JSONEq(t, detail, pgErr.Detail)
}

func TestFence(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	runBoth(t, shards)
	server, db := shards.Servers[0], pgtest.Database(0)
	app := server.App(db)
	exec := func(sql string, args ...any) error {
		_, err := app.Exec(t.Context(), sql, args...)
		return err
	}
	// The row trigger alone, as it is for a transaction that holds another key.
	sweep := func(sql string) error { return exec("SELECT scalestack.sweep(); " + sql) }

	t.Run("extreme ids", func(t *testing.T) {
		for _, id := range []int64{0, -2, math.MaxInt64 - 1, math.MinInt64} {
			require.NoError(t, exec(insert, id), id)
		}
		requireRefused(t, exec(insert, int64(-1)), `{"bucket":11,"shard":0,"state":null,"epoch":null,"owner":1}`)
		requireRefused(t, exec(insert, int64(math.MaxInt64)), `{"bucket":7,"shard":0,"state":null,"epoch":null,"owner":1}`)
	})
	t.Run("an id cannot change into a foreign one", func(t *testing.T) {
		requireRefused(t, sweep("UPDATE accounts SET user_id = 5 WHERE user_id = 0"), `{"bucket":5,"shard":0,"state":null,"epoch":null,"owner":1}`)
	})
	t.Run("fenced", func(t *testing.T) {
		server.Exec(db, "UPDATE scalestack.ownership SET state = 'fenced', epoch = 2 WHERE bucket = 0")
		detail := `{"bucket":0,"shard":0,"state":"fenced","epoch":2,"owner":0}`
		requireRefused(t, sweep("UPDATE accounts SET name = 'x' WHERE user_id = 0"), detail)
		requireRefused(t, sweep("DELETE FROM accounts WHERE user_id = 0"), detail)
		require.NoError(t, exec("SELECT scalestack.require_readable(0)"))
	})
	t.Run("moved", func(t *testing.T) {
		server.Exec(db, "UPDATE scalestack.ownership SET state = 'moved', epoch = 3, owner = 7 WHERE bucket = 0")
		detail := `{"bucket":0,"shard":0,"state":"moved","epoch":3,"owner":7}`
		requireRefused(t, exec(insert, int64(12)), detail)
		requireRefused(t, exec("SELECT scalestack.require_readable(0)"), detail)
	})
	t.Run("the service cannot lift it", func(t *testing.T) {
		require.ErrorContains(t, exec("UPDATE scalestack.ownership SET state = 'owned'"), "permission denied for table ownership")
		require.ErrorContains(t, exec("SET session_replication_role = replica"), "permission denied to set parameter")
		require.ErrorContains(t, exec("ALTER TABLE accounts DISABLE TRIGGER fence"), "must be owner of table accounts")
		require.ErrorContains(t, exec("TRUNCATE accounts"), "permission denied for table accounts")
	})
	t.Run("unclaimed", func(t *testing.T) {
		server.Exec(db, "DELETE FROM scalestack.ownership")
		server.Exec(db, "DELETE FROM scalestack.shard")
		require.ErrorContains(t, exec(insert, int64(2)), "the database is not a shard yet (SQLSTATE SS001)")
	})
}

// A writer that has passed the fence holds up whoever fences the bucket, and
// one that comes later sees the fence, whatever its isolation.
func TestFenceWaitsForWriters(t *testing.T) {
	shards := pgtest.StartShards(t, 1)
	runBoth(t, shards)
	server, db := shards.Servers[0], pgtest.Database(0)

	writer := begin(t, server.App(db), pgx.TxOptions{})
	_, err := writer.Exec(t.Context(), insert, int64(3))
	require.NoError(t, err)
	snapshot := begin(t, server.App(db), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	_, err = snapshot.Exec(t.Context(), "SELECT FROM accounts")
	require.NoError(t, err)

	mover := server.Admin(db)
	defer mover.Close(context.Background())
	fenced := make(chan error, 1)
	go func() {
		fenced <- pgx.BeginFunc(context.Background(), mover, func(tx pgx.Tx) error {
			_, lockErr := tx.Exec(context.Background(), "SELECT pg_advisory_xact_lock(21331, 3)")
			_, updateErr := tx.Exec(context.Background(), "UPDATE scalestack.ownership SET state = 'fenced' WHERE bucket = 3")
			return errors.Join(lockErr, updateErr)
		})
	}()
	require.Eventually(t, func() bool {
		return server.Count(db, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") == 1
	}, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, writer.Commit(t.Context()))
	require.NoError(t, <-fenced)

	_, err = server.App(db).Exec(t.Context(), insert, int64(15))
	requireRefused(t, err, `{"bucket":3,"shard":0,"state":"fenced","epoch":1,"owner":0}`)
	_, err = snapshot.Exec(t.Context(), insert, int64(27))
	require.ErrorContains(t, err, "could not serialize access due to concurrent update")
	require.Equal(t, 1, server.Count(db, "SELECT count(*) FROM accounts"))
}

func begin(t *testing.T, conn *pgx.Conn, o pgx.TxOptions) pgx.Tx {
	t.Helper()
	tx, err := conn.BeginTx(t.Context(), o)
	require.NoError(t, err)
	return tx
}
