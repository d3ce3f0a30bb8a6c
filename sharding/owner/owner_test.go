package owner_test

import (
	"context"
	"testing"

	"github.com/scalestack/scalestack/sharding/owner"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

const db = "shard_0_db"

// own runs the SQL as the pod does.
func own(t *testing.T, server *pgtest.Server) {
	t.Helper()
	conn := server.Admin(db)
	defer conn.Close(context.Background())
	for _, statement := range owner.Statements() {
		_, err := conn.Exec(t.Context(), statement)
		require.NoError(t, err, statement)
	}
}

// The second time nothing is written, so that a pod may do it every few seconds.
func TestNothingIsDoneTwice(t *testing.T) {
	server := pgtest.Start(t, db)
	server.Exec(db, "CREATE TABLE kept (id serial PRIMARY KEY); CREATE VIEW seen AS SELECT id FROM kept; CREATE TYPE mood AS ENUM ('calm'); "+
		"CREATE SCHEMA shop; CREATE SEQUENCE shop.numbers; CREATE EXTENSION pg_stat_statements")
	own(t, server)
	require.Zero(t, server.Count(db, "SELECT count(*) FROM scalestack_pod.unowned()"))
	require.Equal(t, 4, server.Count(db, "SELECT count(*) FROM pg_class WHERE relowner = 'scalestack_owner'::regrole AND relkind IN ('r', 'v', 'S')"))
	own(t, server)
	xid := func() int { return server.Count(db, "SELECT pg_current_xact_id()::text::int") }
	before := xid()
	own(t, server)
	require.Equal(t, before+1, xid())
}
