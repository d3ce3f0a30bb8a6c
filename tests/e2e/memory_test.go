//go:build e2e

package e2e

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

// Any role may ask for more memory than its shard has. The session is refused it, and the kernel ends nobody.
func TestASessionCannotTakeAShardDown(t *testing.T) {
	namespace := outputs(t).Namespace
	other := database(t, namespace, 0)
	state := func() string {
		var started string
		require.NoError(t, other.QueryRow(t.Context(), "SELECT pg_postmaster_start_time()::text").Scan(&started), "another session goes on")
		return started + " " + kubectl(t, "get", "pod", "postgres-shard-0-0", "-n", namespace, "-o",
			"jsonpath={.metadata.uid} {.status.containerStatuses[*].restartCount} {.status.containerStatuses[*].ready}")
	}
	before := state()
	for name, statement := range map[string]string{
		"hash aggregate": "SELECT count(*) FROM (SELECT g FROM generate_series(1, 20000000) AS g GROUP BY g) AS groups",
		"sort":           "SELECT count(*) FROM (SELECT repeat(md5(g::text), 8) AS s FROM generate_series(1, 5000000) AS g ORDER BY 1 OFFSET 1) AS sorted",
		"long text":      "SELECT length(repeat('x', 1000000000))",
		"array":          "SELECT cardinality(array_agg(repeat('x', 1000) || g)) FROM generate_series(1, 2000000) AS g",
		"variable":       "DO $$ DECLARE s text := 'x'; BEGIN LOOP s := s || s; END LOOP; END $$",
	} {
		session := login(t, namespace, loginPrefix+"app")
		_, err := session.Exec(t.Context(), "SET work_mem = '8GB'; SET hash_mem_multiplier = 1000; SET statement_timeout = 0; "+statement)
		var refused *pgconn.PgError
		require.True(t, errors.As(err, &refused), "%s: %v", name, err)
		require.Equal(t, "53200", refused.Code, "%s: %v", name, refused)
		require.Equal(t, before, state(), "after %s", name)
	}
}
