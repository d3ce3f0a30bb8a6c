package migrate_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/access"
	"github.com/scalestack/scalestack/sharding/locks"
	"github.com/scalestack/scalestack/sharding/migrate"
	"github.com/scalestack/scalestack/sharding/owner"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// mount writes what the kubelet mounts after so many rotations.
func mount(t *testing.T, shards *pgtest.Shards, wanted access.Administrators, former string) {
	t.Helper()
	for _, shard := range shards.Map.Shards {
		folder := filepath.Join(shards.Admin.Credentials, shard.Name)
		pgtest.SetCredentials(t, folder, owner.Mover, wanted[shard.Name][owner.Mover])
		pgtest.SetFormer(t, folder, former)
	}
}

// A run that stops between two shards is taken up by the next one, with either password where it is due. Sessions go on.
func TestAdministratorsGetNewPasswords(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	require.NoError(t, run(t, shards, shards.Map, time.Minute))
	session := mustAs(t, shards, owner.Mover, pgtest.AdminPassword)
	wanted := administrators("new-0", "new-1")
	set := func(ctx context.Context) error {
		return migrate.Administrators(ctx, shards.Map, shards.Admin.As("test").ConnConfig, 1, wanted, slog.New(slog.DiscardHandler))
	}
	mount(t, shards, wanted, pgtest.AdminPassword)

	other := shards.Servers[1].Admin(pgtest.Database(1))
	_, err := other.Exec(t.Context(), "SELECT pg_advisory_lock($1)", locks.Migration)
	require.NoError(t, err)
	short, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	require.ErrorIs(t, set(short), context.DeadlineExceeded)
	require.Equal(t, "28P01", passwordOf(t, shards, 0, pgtest.AdminPassword))
	require.Equal(t, "28P01", passwordOf(t, shards, 1, "new-1"))
	require.NoError(t, other.Close(t.Context()))

	for range 2 {
		require.NoError(t, set(t.Context()))
	}
	for id, password := range []string{"new-0", "new-1"} {
		require.Equal(t, "<nil>", passwordOf(t, shards, id, password))
		require.Equal(t, "28P01", passwordOf(t, shards, id, pgtest.AdminPassword))
		require.Equal(t, "<nil>", loginOf(t, shards, id, owner.Role, password+"-owner"))
		require.Equal(t, "28P01", loginOf(t, shards, id, owner.Role, pgtest.OwnerPassword))
	}
	require.NoError(t, session.Ping(t.Context()))

	// The mover of this rotation starts again while the next one is deployed.
	shards.Servers[0].Exec(pgtest.Database(0), "INSERT INTO scalestack.rotation (rotation) VALUES (2)")
	shards.Servers[0].ChangePassword("newer-0")
	mount(t, shards, administrators("newer-0", "newer-1"), "new-1")
	var refused *migrate.RefusedError
	require.ErrorAs(t, set(t.Context()), &refused)
	require.Equal(t, "<nil>", passwordOf(t, shards, 0, "newer-0"))
	shards.Servers[0].Exec(pgtest.Database(0), "DELETE FROM scalestack.rotation")
	require.NoError(t, set(t.Context()))

	mount(t, shards, wanted, "newer-1")
	delete(wanted, "shard-1")
	require.ErrorContains(t, set(t.Context()), "shard-1: refused: the administrators' passwords have none for it")
}

// administrators are passwords of both roles on each shard.
func administrators(passwords ...string) access.Administrators {
	all := access.Administrators{}
	for id, password := range passwords {
		all[fmt.Sprintf("shard-%d", id)] = map[string]string{owner.Mover: password, owner.Role: password + "-owner"}
	}
	return all
}

// passwordOf returns the SQLSTATE of the mover's login.
func passwordOf(t *testing.T, shards *pgtest.Shards, id int, password string) string {
	t.Helper()
	return loginOf(t, shards, id, owner.Mover, password)
}

func loginOf(t *testing.T, shards *pgtest.Shards, id int, role, password string) string {
	t.Helper()
	config, err := shards.Admin.As("test").ConnConfig(&shards.Map.Shards[id])
	require.NoError(t, err)
	config.User, config.Password = role, password
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err == nil {
		require.NoError(t, conn.Close(t.Context()))
	}
	return code(err)
}

func TestAdministratorsPasswordsStayOutOfTheLog(t *testing.T) {
	shards := pgtest.StartShards(t, 1)
	server := shards.Servers[0]
	require.NoError(t, run(t, shards, shards.Map, time.Minute))
	for _, setting := range []string{"log_statement = 'all'", "log_min_duration_statement = 0", "log_duration = on"} {
		server.Exec("postgres", "ALTER SYSTEM SET "+setting)
	}
	server.Exec("postgres", "SELECT pg_reload_conf()")
	wanted := administrators("new-0")
	mount(t, shards, wanted, pgtest.AdminPassword)
	require.NoError(t, migrate.Administrators(t.Context(), shards.Map, shards.Admin.As("test").ConnConfig, 1, wanted, slog.New(slog.DiscardHandler)))
	require.Contains(t, server.Log(), "scalestack.rotation", "the log has what comes before")
	require.NotContains(t, server.Log(), "SCRAM-SHA-256$4096")
	require.NotContains(t, server.Log(), "new-0")
}
