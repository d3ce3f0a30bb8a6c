package migrate_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// A statement that meets no row meets no fence: the guard asks for what was held.
func TestTheGuard(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	runBoth(t, shards)
	server, db := shards.Servers[0], pgtest.Database(0)
	app := server.App(db)
	ctx := t.Context()
	// The user 1 lies on shard 1, so that no statement here finds it.
	const misplaced = `{"bucket":1,"shard":0,"state":null,"epoch":null,"owner":1}`
	statements := map[string]string{
		"update": "UPDATE accounts SET name = 'x' WHERE user_id = $1",
		"delete": "DELETE FROM accounts WHERE user_id = $1",
		"upsert": "INSERT INTO accounts (user_id, name, email) VALUES ($1, 'x', 'x') ON CONFLICT (user_id) DO UPDATE SET name = 'y'",
		"merge":  "MERGE INTO accounts USING (SELECT $1::bigint AS id) AS wanted ON user_id = id WHEN MATCHED THEN UPDATE SET name = 'x'",
		"a hold in the same statement comes too late": "WITH held AS MATERIALIZED (SELECT scalestack.hold($1)) UPDATE accounts SET name = 'x' FROM held WHERE user_id = $1",
	}
	for name, sql := range statements {
		t.Run(name, func(t *testing.T) {
			for _, id := range []int64{0, 1} {
				_, err := app.Exec(ctx, sql, id)
				requireCode(t, err, "SS002")
			}
			tag, err := inOneTrip(ctx, app, 0, sql)
			require.NoError(t, err)
			require.LessOrEqual(t, tag.RowsAffected(), int64(1))
			_, err = inOneTrip(ctx, app, 1, sql)
			requireRefused(t, err, misplaced)
		})
	}
	t.Run("an insert needs nothing", func(t *testing.T) {
		_, err := app.Exec(ctx, insert, 12)
		require.NoError(t, err)
		_, err = app.Exec(ctx, insert, 1)
		requireRefused(t, err, misplaced)
	})
	t.Run("one trip of the simple protocol", func(t *testing.T) {
		_, err := app.Exec(ctx, "SELECT scalestack.hold(12); UPDATE accounts SET name = 'simple' WHERE user_id = 12")
		require.NoError(t, err)
		require.Equal(t, 1, server.Count(db, "SELECT count(*) FROM accounts WHERE name = 'simple'"))
		_, err = app.Exec(ctx, "SELECT scalestack.hold(1); UPDATE accounts SET name = 'simple' WHERE user_id = 1")
		requireRefused(t, err, misplaced)
	})
	t.Run("holds until the transaction ends, and not longer than its savepoint", func(t *testing.T) {
		tx := begin(t, app, pgx.TxOptions{})
		_, err := tx.Exec(ctx, "SAVEPOINT here; SELECT scalestack.hold(0); ROLLBACK TO here; SAVEPOINT again")
		require.NoError(t, err)
		_, err = tx.Exec(ctx, statements["update"], 0)
		requireCode(t, err, "SS002")
		_, err = tx.Exec(ctx, "ROLLBACK TO again; SELECT scalestack.hold(0)")
		require.NoError(t, err)
		for range 2 {
			_, err = tx.Exec(ctx, statements["update"], 0)
			require.NoError(t, err)
		}
		require.NoError(t, tx.Commit(ctx))
		_, err = app.Exec(ctx, statements["update"], 0)
		requireCode(t, err, "SS002")
	})
	t.Run("a sweep works on what is here", func(t *testing.T) {
		tag, err := app.Exec(ctx, "SELECT scalestack.sweep(); DELETE FROM accounts WHERE email = 'nobody'")
		require.NoError(t, err)
		require.Zero(t, tag.RowsAffected())
	})
	t.Run("replicated changes and the mover's pass", func(t *testing.T) {
		server.Exec(db, "SET session_replication_role = replica; DELETE FROM accounts WHERE user_id = 12")
	})
	t.Run("opt-out of a table", func(t *testing.T) {
		server.Exec(db, "SELECT scalestack.adopt('accounts', guarded => false)")
		defer server.Exec(db, "SELECT scalestack.adopt('accounts')")
		_, err := app.Exec(ctx, statements["update"], 0)
		require.NoError(t, err)
	})
	t.Run("off until it is switched on", func(t *testing.T) {
		server.Exec(db, "UPDATE scalestack.shard SET strict = false")
		defer server.Exec(db, "UPDATE scalestack.shard SET strict = true")
		_, err := app.Exec(ctx, statements["update"], 0)
		require.NoError(t, err)
	})
}

func requireCode(t *testing.T, err error, code string) {
	t.Helper()
	var pgErr *pgconn.PgError
	require.ErrorAs(t, err, &pgErr)
	require.Equal(t, code, pgErr.Code, pgErr.Message)
}

// inOneTrip is a hold and a statement in one transaction, which is what a
// pipeline without BEGIN is.
func inOneTrip(ctx context.Context, conn *pgx.Conn, key int64, sql string) (pgconn.CommandTag, error) {
	batch := &pgx.Batch{}
	batch.Queue("SELECT scalestack.hold($1)", key)
	batch.Queue(sql, key)
	results := conn.SendBatch(ctx, batch)
	defer results.Close()
	if _, err := results.Exec(); err != nil {
		return pgconn.CommandTag{}, err
	}
	return results.Exec()
}
