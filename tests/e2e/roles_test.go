//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

const loginPrefix = "postgres-roles-login-"

// logins are the Secrets with the services' logins.
func logins(t *testing.T, namespace string) []string {
	t.Helper()
	names := strings.Fields(kubectl(t, "get", "secrets", "-n", namespace, "-o", "jsonpath={.items[*].metadata.name}"))
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, loginPrefix) })
	require.NotEmpty(t, names)
	return names
}

// login connects to shard 0 as a service does.
func login(t *testing.T, namespace, name string) *pgx.Conn {
	t.Helper()
	config := databaseConfig(t, namespace, 0)
	config.User, config.Password = secret(t, namespace, name, "username"), secret(t, namespace, name, "password")
	conn, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// Every service logs in with its own role, and nobody uses the role that all shared.
func TestServicesHaveRolesOfTheirOwn(t *testing.T) {
	namespace := outputs(t).Namespace
	for shard := range outputs(t).Shards {
		db := database(t, namespace, shard)
		eventually(t, 3*time.Minute, "the sessions and rights of the services' roles", func() error {
			var others []string
			var rights int
			err := db.QueryRow(t.Context(), `SELECT
				ARRAY(SELECT DISTINCT usename || ' ' || application_name FROM pg_stat_activity
					WHERE backend_type = 'client backend' AND usename NOT LIKE 'svc\_%' AND usename NOT IN ('postgres', 'scalestack_mover') AND application_name <> 'psql'),
				(SELECT count(*) FROM information_schema.role_table_grants WHERE grantee = 'app')`).Scan(&others, &rights)
			if err == nil && (len(others) > 0 || rights > 0) {
				err = fmt.Errorf("sessions of other roles: %v; role app has %d rights", others, rights)
			}
			return err
		})
	}
	app := login(t, namespace, loginPrefix+"app")
	for statement, want := range map[string]string{
		"SELECT FROM users LIMIT 1": "", "SELECT FROM activity LIMIT 1": "permission denied", "CREATE TABLE mine ()": "permission denied",
		"SELECT FROM scalestack.owned_buckets": "", "CREATE ROLE mine": "permission denied",
	} {
		_, err := app.Exec(t.Context(), statement)
		if want == "" {
			require.NoError(t, err, statement)
			continue
		}
		require.ErrorContains(t, err, want, statement)
	}
}
