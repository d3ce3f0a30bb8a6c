package migrate_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// A read asks in its own statement, whether or not it looks at the answer, and no
// function is called for it where the bucket is here.
func TestReadable(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	runBoth(t, shards)
	server, db := shards.Servers[0], pgtest.Database(0)
	app := server.App(db)
	const read = "SELECT name FROM scalestack.readable($1) LEFT JOIN accounts ON user_id = $1"
	one := func(id int64, sql string) (name *string, err error) {
		err = app.QueryRow(t.Context(), sql, id).Scan(&name)
		return name, err
	}
	server.Exec(db, insert, 0)
	name, err := one(0, read)
	require.NoError(t, err)
	require.Equal(t, "Ada", *name)
	name, err = one(2, read)
	require.NoError(t, err)
	require.Nil(t, name, "one row comes back for a user that does not exist")

	misplaced := `{"bucket":1,"shard":0,"state":null,"epoch":null,"owner":1}`
	for _, sql := range []string{read, "SELECT readable::text FROM scalestack.readable($1)", "SELECT name FROM accounts, scalestack.readable($1) WHERE user_id = $1",
		"SELECT count(*)::text FROM scalestack.readable($1)"} {
		_, err = one(1, sql)
		requireRefused(t, err, misplaced)
	}
	server.Exec(db, "UPDATE scalestack.ownership SET state = 'fenced', epoch = 2 WHERE bucket = 0")
	_, err = one(0, read)
	require.NoError(t, err)
	server.Exec(db, "UPDATE scalestack.ownership SET state = 'moved', epoch = 3, owner = 1 WHERE bucket = 0")
	_, err = one(0, read)
	requireRefused(t, err, `{"bucket":0,"shard":0,"state":"moved","epoch":3,"owner":1}`)

	rows, err := app.Query(t.Context(), "EXPLAIN "+strings.ReplaceAll(read, "$1", "2"))
	require.NoError(t, err)
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.NotContains(t, strings.Join(plan, "\n"), "Function Scan")
}
