package pgtest_test

import (
	"testing"

	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// Servers made of one template are as different as those of two initdb, and start
// again after a kill, for which they read their log.
func TestServersHaveTheirOwnIdentifier(t *testing.T) {
	seen := map[string]bool{}
	for range 3 {
		server := pgtest.Start(t, "one")
		server.Exec("one", "CREATE TABLE kept AS SELECT 1 AS n")
		server.Kill()
		server.Run()
		require.Equal(t, 1, server.Count("one", "SELECT count(*) FROM kept"))
		conn := server.Admin("one")
		var identifier string
		require.NoError(t, conn.QueryRow(t.Context(), "SELECT system_identifier::text FROM pg_control_system()").Scan(&identifier))
		require.NoError(t, conn.Close(t.Context()))
		require.False(t, seen[identifier], identifier)
		seen[identifier] = true
	}
}
