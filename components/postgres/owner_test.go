package postgres

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/sharding/owner"
)

// requireOwned waits until the roles of migrations and moves take these passwords, and tables that the superuser has made are the owner's.
func (s *shard) requireOwned(ownersPassword, moversPassword string, tables ...string) {
	s.t.Helper()
	for role, password := range map[string]string{owner.Role: ownersPassword, owner.Mover: moversPassword} {
		require.Eventually(s.t, func() bool {
			conn, err := s.connect(role, password)
			return err == nil && conn.Close(context.Background()) == nil
		}, time.Minute, 200*time.Millisecond, "%s does not take %s", role, password)
		require.Equal(s.t, "false", s.query(role, password, "SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user"))
	}
	for _, table := range tables {
		require.Eventually(s.t, func() bool {
			return s.query(owner.Role, ownersPassword, "SELECT tableowner::text FROM pg_tables WHERE tablename = '"+table+"'") == owner.Role
		}, time.Minute, 200*time.Millisecond, "%s is not the owner's", table)
	}
	require.Equal(s.t, owner.Role, s.query(owner.Role, ownersPassword, "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = current_database()"))
}

// Migrations and moves have roles of their own, also where the superuser has done their work before.
func TestBootstrapMakesTheRolesOfMigrationsAndMoves(t *testing.T) {
	s := newShard(t)
	s.requireBootstrap()
	logged := s.startWithLog()
	s.requireOwned("owner-of-admin-1", "mover-of-admin-1")
	s.exec("CREATE TABLE before (id serial PRIMARY KEY)")
	for _, role := range []string{owner.Role, owner.Mover} {
		s.exec("ALTER ROLE " + role + " SUPERUSER PASSWORD 'another'")
	}
	s.end(syscall.SIGINT)

	s.passwords("admin-2", appPassword)
	s.requireBootstrap()
	s.start()
	s.requireOwned("owner-of-admin-2", "mover-of-admin-2", "before")
	require.NotContains(t, logged(), "of-admin-")
	s.end(syscall.SIGINT)
	s.write("admin/mover-password", "")
	output, err := s.bootstrap()
	require.Error(t, err, "a pod may get the Secret of before for a moment")
	require.Contains(t, output, "mover-password is empty or absent")
}

// What somebody makes as the superuser inside the pod is the owner's a little later, and whoever is the primary goes on so.
func TestMembersKeepTheRolesOfMigrationsAndMoves(t *testing.T) {
	c := newCluster(t)
	c.start()
	leader := c.settled()
	leader.requireOwned("owner-of-admin-1", "mover-of-admin-1")
	leader.exec("CREATE TABLE by_hand (id int)")
	leader.requireOwned("owner-of-admin-1", "mover-of-admin-1", "by_hand")

	// A table that somebody uses waits, and makes nobody wait.
	leader.exec("CREATE TABLE used (id int)")
	conn, err := leader.connect("postgres", "admin-1")
	require.NoError(t, err)
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "ALTER TABLE used OWNER TO postgres; SELECT FROM used")
	require.NoError(t, err)
	leader.mount("admin-2")
	leader.requireOwned("owner-of-admin-2", "mover-of-admin-2")
	require.NoError(t, tx.Commit(t.Context()))
	require.NoError(t, conn.Close(t.Context()))
	leader.requireOwned("owner-of-admin-2", "mover-of-admin-2", "used")
	require.NotContains(t, leader.log(), "of-admin-")
}
