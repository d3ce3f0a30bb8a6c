package postgres

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
	"github.com/scalestack/scalestack/components/k8s"
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

	// Nobody is replaced for it, and sessions stay.
	text, err := os.ReadFile(leader.at("pg_hba.conf"))
	require.NoError(t, err)
	leader.write("pg_hba.conf", hostLines(&Args{LocalSuperuser: true}, string(text)))
	require.Eventually(t, func() bool {
		_, err := leader.connect("postgres", "admin-2")
		return err != nil && strings.Contains(err.Error(), rejected)
	}, time.Minute, 200*time.Millisecond, "the superuser gets in")
	leader.requireOwned("owner-of-admin-2", "mover-of-admin-2", "used")
	leader.write("pg_hba.conf", string(text))
	c.password = "admin-2"
	require.Eventually(t, func() bool { return c.leader() == leader }, time.Minute, 200*time.Millisecond)
}

const rejected = "pg_hba.conf rejects connection"

// From outside the superuser is refused with the right password too, and nobody but the members' role may copy the server.
func TestTheSuperuserLogsInInsideThePodAlone(t *testing.T) {
	s := newShard(t)
	s.configure(&Args{Resources: k8s.Resources{Memory: "256Mi"}, MaxConnections: 20, LocalSuperuser: true})
	s.requireBootstrap()
	s.start()
	_, err := s.connect("postgres", "admin-1")
	require.ErrorContains(t, err, rejected)
	s.requireOwned("owner-of-admin-1", "mover-of-admin-1")
	config, err := pgconn.ParseConfig(fmt.Sprintf("host=127.0.0.1 port=%d user=%s password=mover-of-admin-1 replication=true sslmode=disable", s.port, owner.Mover))
	require.NoError(t, err)
	_, err = pgconn.ConnectConfig(t.Context(), config)
	require.ErrorContains(t, err, "no pg_hba.conf entry for replication connection")
	output, err := s.command("psql", "-XAt", "-h", s.folder, "-p", strconv.Itoa(s.port), "-U", "postgres", "-d", "shard_0_db", "-c", "SELECT current_user").CombinedOutput()
	require.NoError(t, err, string(output))
	require.Equal(t, "postgres\n", string(output))
}

func TestTheSuperuserIsRefusedBeforeAnybodyIsLetIn(t *testing.T) {
	for name, a := range map[string]*Args{
		"a single server": {Shards: []int{0}, LocalSuperuser: true}, "several members": {Shards: []int{0}, LocalSuperuser: true, Members: 3},
		"with TLS": {Shards: []int{0}, LocalSuperuser: true, TLS: &TLS{TLS: k8s.TLS{Secret: "tls", Mode: k8s.TLSRequire}}},
	} {
		files := func() map[string]string { return mountedFiles(plan{Args: a.withDefaults(), component: "postgres"}) }
		text := files()["pg_hba.conf"]
		require.True(t, RefusesSuperuser(text), "%s: %s", name, text)
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "host") {
				require.Regexp(t, "^host(ssl)? +all +postgres +all +reject$", strings.TrimSpace(line), name)
				break
			}
		}
		require.NotRegexp(t, "(?m)^host.* replication +postgres", text, name)
		a.LocalSuperuser = false
		require.False(t, RefusesSuperuser(files()["pg_hba.conf"]), name)
	}
	template := func(local bool) string {
		return kubetest.Text(run(t, &Args{Shards: []int{0}, LocalSuperuser: local}).Get(t, "StatefulSet", "postgres-shard-0"), `spec.template.metadata.annotations["scalestack/checksum"]`)
	}
	require.Equal(t, template(false), template(true), "nothing restarts for it")
}
