package owner_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/owner"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/settings"
	"github.com/scalestack/scalestack/sharding/shardtest"
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

const (
	both  = "scalestack_owner scalestack_mover"
	alone = "scalestack_owner"
)

// What the roles may do is shown by all other tests, which log in as them.
func TestWhatTheRolesMayNot(t *testing.T) {
	shards := pgtest.StartShards(t, 1)
	shardtest.Migrate(t, t.Context(), shards, accounts.Schema())
	server := shards.Servers[0]
	server.Exec(db, "CREATE ROLE svc_users")
	server.Own(db)
	sessions := map[string]*pgx.Conn{owner.Role: login(t, shards.Owner), owner.Mover: login(t, shards.Admin)}
	for statement, roles := range map[string]string{
		"ALTER ROLE current_user SUPERUSER":                              both,
		"CREATE ROLE other SUPERUSER":                                    both,
		"CREATE ROLE other BYPASSRLS":                                    both,
		"GRANT postgres TO current_user":                                 both,
		"SET ROLE postgres":                                              both,
		"SET ROLE scalestack_pod":                                        both,
		"SET SESSION AUTHORIZATION postgres":                             both,
		"ALTER ROLE postgres PASSWORD 'mine'":                            both,
		"ALTER ROLE scalestack_pod LOGIN":                                both,
		"GRANT pg_read_server_files TO current_user":                     both,
		"GRANT pg_execute_server_program TO current_user":                both,
		"GRANT pg_read_all_data TO svc_users":                            both,
		"SELECT FROM pg_authid":                                          both,
		"SELECT subconninfo FROM pg_subscription":                        both,
		"SELECT pg_read_file('PG_VERSION')":                              both,
		"SELECT pg_read_binary_file('global/1260')":                      both,
		"SELECT pg_ls_dir('.')":                                          both,
		"SELECT lo_import('PG_VERSION')":                                 both,
		"COPY accounts FROM '/etc/passwd'":                               both,
		"COPY accounts TO '/tmp/accounts'":                               both,
		"COPY (SELECT 1) TO PROGRAM 'true'":                              both,
		"SELECT pg_backup_start('mine')":                                 both,
		"ALTER SYSTEM SET work_mem = '1MB'":                              both,
		"SET zero_damaged_pages = on":                                    both,
		"CREATE FUNCTION mine() RETURNS int LANGUAGE c AS 'mine'":        both,
		"CREATE FUNCTION mine() RETURNS int LANGUAGE internal AS 'mine'": both,
		"CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION scalestack.grant_on_ddl()":       both,
		"DROP EVENT TRIGGER scalestack_pod_access":                                                      both,
		"ALTER EVENT TRIGGER scalestack_pod_access DISABLE":                                             both,
		"CREATE OR REPLACE FUNCTION scalestack_pod.restores() RETURNS text LANGUAGE sql AS ''":          both,
		"ALTER FUNCTION scalestack_pod.declared() SECURITY INVOKER":                                     both,
		"DROP SCHEMA scalestack_pod CASCADE":                                                            both,
		"SELECT scalestack_pod.declared()":                                                              both,
		"ALTER DATABASE " + db + " OWNER TO svc_users":                                                  alone,
		"SELECT scalestack_pod.restores()":                                                              alone,
		"SELECT scalestack_pod.take_back('{svc_users}')":                                                alone,
		"SELECT scalestack_pod.own('pg_class', 0)":                                                      alone,
		"SET ROLE scalestack_mover":                                                                     alone,
		"CREATE ROLE other":                                                                             alone,
		"ALTER ROLE svc_users LOGIN":                                                                    alone,
		"ALTER ROLE scalestack_mover PASSWORD 'mine'":                                                   alone,
		"SET session_replication_role = replica":                                                        alone,
		"CREATE OR REPLACE FUNCTION scalestack.guard() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'": alone,
		"DROP FUNCTION scalestack.fence() CASCADE":                                                      alone,
		"ALTER FUNCTION scalestack.fence() SECURITY INVOKER":                                            alone,
		"CREATE TABLE scalestack.mine ()":                                                               alone,
		"UPDATE scalestack.ownership SET state = 'owned'":                                               alone,
		"DELETE FROM scalestack.move":                                                                   alone,
		"DELETE FROM scalestack.schema_version":                                                         alone,
		"INSERT INTO scalestack.access VALUES ('svc_users', 'read', 'public', NULL)":                    alone,
		"SELECT pg_create_logical_replication_slot('mine', 'pgoutput')":                                 alone,
		"SELECT pg_create_physical_replication_slot('mine')":                                            alone,
		"CREATE SUBSCRIPTION mine CONNECTION 'password=x' PUBLICATION mine WITH (connect = false)":      alone,
		"CREATE PUBLICATION mine FOR ALL TABLES":                                                        both,
	} {
		for _, role := range strings.Fields(roles) {
			_, err := sessions[role].Exec(t.Context(), statement)
			var refused *pgconn.PgError
			require.ErrorAs(t, err, &refused, "%s: %s", role, statement)
			require.Contains(t, []string{"42501", "0LP01"}, refused.Code, "%s: %s: %s", role, statement, refused.Message)
		}
	}
	config, err := shards.Owner.As("test").ConnConfig(&shards.Map.Shards[0])
	require.NoError(t, err)
	config.RuntimeParams["replication"] = "true"
	_, err = pgconn.ConnectConfig(t.Context(), &config.Config)
	require.ErrorContains(t, err, "permission denied to start WAL sender", "the owner makes no base backup")
}

// Whatever the mover puts in place of what it owns, a superuser who changes a table does not run it as a superuser.
func TestASuperuserRunsNothingOfTheMovers(t *testing.T) {
	shards := pgtest.StartShards(t, 1)
	shardtest.Migrate(t, t.Context(), shards, accounts.Schema())
	server, mover := shards.Servers[0], login(t, shards.Admin)
	_, err := mover.Exec(t.Context(), `
		CREATE TABLE scalestack.seen (who name);
		CREATE FUNCTION scalestack.spring() RETURNS boolean LANGUAGE plpgsql AS $$
		BEGIN
			INSERT INTO scalestack.seen VALUES (current_user);
			RETURN true;
		END $$;
		CREATE OR REPLACE FUNCTION scalestack.grant_access(wanted oid[] DEFAULT NULL) RETURNS void LANGUAGE sql AS 'SELECT scalestack.spring()';
		ALTER TABLE scalestack.access RENAME TO former;
		CREATE VIEW scalestack.access AS SELECT * FROM scalestack.former WHERE scalestack.spring() UNION ALL
			SELECT 'scalestack_client', 'read', 'public', NULL WHERE scalestack.spring()`)
	require.NoError(t, err)
	server.Exec(db, "CREATE TABLE public.made (id int)")
	require.NotZero(t, server.Count(db, "SELECT count(*) FROM scalestack.seen"))
	require.Zero(t, server.Count(db, "SELECT count(*) FROM scalestack.seen WHERE who <> 'scalestack_pod'"))
}

// A table in use stays the superuser's until the next time, and nobody waits for that.
func TestATableInUseIsLeftForLater(t *testing.T) {
	shards := pgtest.StartUnowned(t, 1)
	server := shards.Servers[0]
	server.Exec(db, "CREATE TABLE busy (id int); CREATE TABLE idle (id int)")
	user := server.Admin(db)
	defer user.Close(context.Background())
	_, err := user.Exec(t.Context(), "BEGIN; INSERT INTO busy VALUES (1)")
	require.NoError(t, err)
	began := time.Now()
	shards.Own()
	require.Less(t, time.Since(began), 5*time.Second)
	require.Equal(t, 1, server.Count(db, "SELECT count(*) FROM scalestack_pod.unowned()"))
	mover := login(t, shards.Admin)
	require.ErrorContains(t, owner.Require(t.Context(), mover), "table public.busy belongs to the superuser (canceling statement due to lock timeout)")
	require.ErrorContains(t, owner.Require(t.Context(), login(t, shards.Owner)), "table public.busy belongs to the superuser (permission denied for function own)")
	_, err = user.Exec(t.Context(), "COMMIT")
	require.NoError(t, err)
	require.NoError(t, owner.Require(t.Context(), mover))
	require.NoError(t, owner.Require(t.Context(), login(t, shards.Owner)))
	require.Zero(t, server.Count(db, "SELECT count(*) FROM scalestack_pod.unowned()"))
}

func login(t *testing.T, as settings.Shards) *pgx.Conn {
	t.Helper()
	m, err := as.Map()
	require.NoError(t, err)
	config, err := as.As("test").ConnConfig(&m.Shards[0])
	require.NoError(t, err)
	conn, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}
