package migrate_test

import (
	"testing"

	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// Whoever adds a step that changes a function has to end it with scalestack.seal().
func TestTheFunctionsAreSealed(t *testing.T) {
	shards := pgtest.StartShards(t, 1)
	runBoth(t, shards)
	server, db := shards.Servers[0], pgtest.Database(0)
	changed := func() int { return server.Count(db, "SELECT count(*) FROM scalestack.changed_functions()") }
	require.Zero(t, changed())
	require.Equal(t, server.Count(db, "SELECT count(*) FROM scalestack.definitions"), server.Count(db, "SELECT count(*) FROM scalestack.sealed"))

	server.Exec(db, "CREATE OR REPLACE FUNCTION scalestack.enter(wanted integer) RETURNS bigint LANGUAGE sql AS 'SELECT 1'")
	server.Exec(db, "ALTER FUNCTION scalestack.guard() SECURITY DEFINER")
	server.Exec(db, "DROP FUNCTION scalestack.unheld")
	require.Equal(t, 3, changed())
	server.Exec(db, "SELECT scalestack.repair_functions()")
	require.Zero(t, changed())
}
