package migrate_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// everyKey is shard 0 with the accounts 0, 2 and 4; the account 1 belongs to shard 1.
func everyKey(t *testing.T) (*pgtest.Server, string, *pgx.Conn) {
	shards := pgtest.StartShards(t, 2)
	runBoth(t, shards)
	server, db := shards.Servers[0], pgtest.Database(0)
	server.Exec(db, `
		INSERT INTO accounts (user_id, name, email) VALUES (0, 'a', 'a'), (2, 'a', 'a'), (4, 'a', 'a');
		CREATE VIEW shown AS SELECT user_id, name FROM accounts;
		CREATE FUNCTION rename_both() RETURNS void LANGUAGE plpgsql AS $$ BEGIN UPDATE accounts SET name = 'f' WHERE user_id IN (0, 2); END $$;
		CREATE TABLE staging (user_id bigint, name text);
		GRANT SELECT, UPDATE ON shown TO app; GRANT SELECT, INSERT ON staging TO app`)
	return server, db, server.App(db)
}

// A transaction that has held one key and changes another one finds that out where
// both are here, and not only once one of them has moved.
func TestEveryChangedKeyIsHeld(t *testing.T) {
	_, _, app := everyKey(t)
	for name, sql := range map[string]string{
		"rows of two keys":        "UPDATE accounts SET name = 'x' WHERE user_id IN (0, 2)",
		"all rows":                "UPDATE accounts SET name = 'x'",
		"delete":                  "DELETE FROM accounts WHERE user_id = ANY ('{0,2}')",
		"two statements":          "UPDATE accounts SET name = 'x' WHERE user_id = 0; UPDATE accounts SET name = 'x' WHERE user_id = 2",
		"one in a CTE":            "WITH a AS (UPDATE accounts SET name = 'x' WHERE user_id = 2 RETURNING name) UPDATE accounts SET name = a.name FROM a WHERE user_id = 0",
		"an insert in a CTE":      "WITH a AS (INSERT INTO accounts (user_id, name, email) VALUES (6, 'x', 'x')) UPDATE accounts SET name = 'x' WHERE user_id = 2",
		"an insert is no hold":    "INSERT INTO accounts (user_id, name, email) VALUES (6, 'x', 'x'); UPDATE accounts SET name = 'x' WHERE user_id = 6",
		"merge":                   "MERGE INTO accounts USING (VALUES (0), (2)) AS v (id) ON user_id = id WHEN MATCHED THEN UPDATE SET name = 'x'",
		"merge that deletes":      "MERGE INTO accounts USING (VALUES (0), (2)) AS v (id) ON user_id = id WHEN MATCHED THEN DELETE",
		"upsert":                  "INSERT INTO accounts (user_id, name, email) VALUES (0, 'x', 'x'), (2, 'x', 'x') ON CONFLICT (user_id) DO UPDATE SET name = excluded.name",
		"a prepared statement":    "DEALLOCATE ALL; PREPARE pair AS UPDATE accounts SET name = 'x' WHERE user_id IN (0, 2); EXECUTE pair",
		"a function":              "SELECT rename_both()",
		"a block":                 "DO $$ BEGIN UPDATE accounts SET name = 'x' WHERE user_id = 2; END $$",
		"a view":                  "UPDATE shown SET name = 'x' WHERE user_id IN (0, 2)",
		"a cursor":                "DECLARE one CURSOR FOR SELECT FROM accounts WHERE user_id = 2 FOR UPDATE; MOVE one; UPDATE accounts SET name = 'x' WHERE CURRENT OF one",
		"a key that was let go":   "SAVEPOINT a; SELECT scalestack.hold(2); ROLLBACK TO a; UPDATE accounts SET name = 'x' WHERE user_id = 2",
		"the old key of a change": "UPDATE accounts SET user_id = 0 WHERE user_id = 2",
	} {
		t.Run(name, func(t *testing.T) {
			requireCode(t, inTransaction(t, app, "SELECT scalestack.hold(0)", sql), "SS002")
			if !strings.Contains(name, "let go") && !strings.Contains(name, "old key") && !strings.Contains(name, "no hold") {
				require.NoError(t, inTransaction(t, app, "SELECT scalestack.hold_all('{2,0,4,2}')", sql))
			}
			require.NoError(t, inTransaction(t, app, "SELECT scalestack.sweep()", strings.Replace(sql, "user_id = 0 WHERE", "user_id = 8 WHERE", 1)))
		})
	}
	t.Run("all or none are held", func(t *testing.T) {
		requireRefused(t, inTransaction(t, app, "SELECT scalestack.hold_all('{0,1,2}')", "SELECT"), `{"bucket":1,"shard":0,"state":null,"epoch":null,"owner":1}`)
		require.NoError(t, inTransaction(t, app, "SELECT scalestack.hold_all('{}')", "SELECT"))
	})
}

// inTransaction rolls back what did not fail.
func inTransaction(t *testing.T, conn *pgx.Conn, hold, sql string) error {
	t.Helper()
	tx := begin(t, conn, pgx.TxOptions{})
	defer func() { require.NoError(t, tx.Rollback(context.Background())) }()
	if _, err := tx.Exec(t.Context(), hold); err != nil {
		return err
	}
	_, err := tx.Exec(t.Context(), sql)
	return err
}

// An INSERT … SELECT that reads a user of another shard has nothing to insert.
func TestInsertsThatInsertNothing(t *testing.T) {
	server, db, app := everyKey(t)
	const misplaced = `{"bucket":1,"shard":0,"state":null,"epoch":null,"owner":1}`
	for name, sql := range map[string]string{
		"select":          "INSERT INTO notes SELECT user_id, version, name FROM accounts WHERE user_id = 1",
		"with a conflict": "INSERT INTO notes SELECT user_id, version, name FROM accounts WHERE user_id = 1 ON CONFLICT DO NOTHING",
		"merge":           "MERGE INTO notes USING (SELECT user_id FROM accounts WHERE user_id = 1) AS v (id) ON user_id = id WHEN NOT MATCHED THEN INSERT VALUES (id, 1, 'x')",
	} {
		t.Run(name, func(t *testing.T) {
			requireCode(t, inTransaction(t, app, "SELECT", sql), "SS002")
			requireRefused(t, inTransaction(t, app, "SELECT scalestack.hold(1)", sql), misplaced)
			require.NoError(t, inTransaction(t, app, "SELECT scalestack.hold(0)", sql))
			require.NoError(t, inTransaction(t, app, "SELECT scalestack.sweep()", sql))
		})
	}
	t.Run("a row that is there already has met the fence", func(t *testing.T) {
		require.NoError(t, inTransaction(t, app, "SELECT", "INSERT INTO accounts (user_id, name, email) VALUES (0, 'x', 'x') ON CONFLICT DO NOTHING"))
	})
	t.Run("several rows", func(t *testing.T) {
		requireRefused(t, inTransaction(t, app, "SELECT", "INSERT INTO notes VALUES (0, 1, 'x'), (1, 1, 'x')"), misplaced)
	})
	t.Run("copy", func(t *testing.T) {
		copied := func(text string) error {
			_, err := app.PgConn().CopyFrom(t.Context(), strings.NewReader(text), "COPY notes FROM STDIN")
			return err
		}
		require.NoError(t, copied(""))
		require.NoError(t, copied("0\t7\tx\n"))
		requireRefused(t, copied("0\t8\tx\n1\t8\tx\n"), misplaced)
		require.Equal(t, 1, server.Count(db, "SELECT count(*) FROM notes"))
	})
}

// A truncation meets no row, and a move's stream does not carry it.
func TestTruncate(t *testing.T) {
	server, db, _ := everyKey(t)
	admin := server.Admin(db)
	defer admin.Close(context.Background())
	requireCode(t, inTransaction(t, admin, "SELECT scalestack.hold(0)", "TRUNCATE accounts"), "SS002")
	require.NoError(t, inTransaction(t, admin, "SELECT scalestack.sweep()", "TRUNCATE accounts"))
	server.Exec(db, "CREATE PUBLICATION scalestack_move_0_1 FOR TABLE accounts")
	requireCode(t, inTransaction(t, admin, "SELECT scalestack.sweep()", "TRUNCATE accounts"), "55006")
	server.Exec(db, "SELECT scalestack.adopt('accounts', guarded => false)")
	requireCode(t, inTransaction(t, admin, "SELECT scalestack.sweep()", "TRUNCATE accounts"), "55006")
}

// A bucket arrives after a statement has begun and before it holds: the hold would
// succeed, and the rows would be missed.
func TestAHoldThatIsNewerThanItsStatement(t *testing.T) {
	server, db, _ := everyKey(t)
	const late = `
		WITH pause AS MATERIALIZED (SELECT pg_sleep(1)), held AS MATERIALIZED (SELECT scalestack.hold(1) FROM pause)
		UPDATE accounts SET name = 'x' WHERE user_id = (SELECT 1::bigint FROM held)`
	for _, isolation := range []pgx.TxIsoLevel{pgx.ReadCommitted, pgx.RepeatableRead} {
		t.Run(string(isolation), func(t *testing.T) {
			defer server.Exec(db, "SET session_replication_role = replica; DELETE FROM accounts WHERE user_id = 1; DELETE FROM scalestack.ownership WHERE bucket = 1")
			tx := begin(t, server.App(db), pgx.TxOptions{IsoLevel: isolation})
			_, err := tx.Exec(t.Context(), "SELECT scalestack.hold(0)")
			require.NoError(t, err)
			arrived := time.AfterFunc(300*time.Millisecond, func() {
				server.Exec(db, `INSERT INTO scalestack.ownership (bucket, state, epoch, owner) VALUES (1, 'owned', 3, 0);
					INSERT INTO accounts (user_id, name, email) VALUES (1, 'a', 'a')`)
			})
			defer arrived.Stop()
			_, err = tx.Exec(t.Context(), late)
			requireCode(t, err, "SS001")
			require.NoError(t, tx.Rollback(t.Context()))
		})
	}
}
