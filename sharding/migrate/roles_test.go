package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/scalestack/scalestack/sharding/access"
	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/locks"
	"github.com/scalestack/scalestack/sharding/migrate"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
)

func roleOf(name, password string, read, write []string) access.Service {
	return access.Service{Name: name, Password: password, Connections: 3, StatementTimeout: 60, IdleTransactionTimeout: 30, Read: read, Write: write}
}

func withFunction(s access.Service, name string) access.Service {
	s.Execute = []string{name}
	return s
}

func applyRoles(t *testing.T, shards *pgtest.Shards, spec access.Spec) error {
	t.Helper()
	return migrate.Roles(t.Context(), shards.Map, shards.Admin.As("test").ConnConfig, &spec, slog.New(slog.DiscardHandler))
}

func retire(t *testing.T, shards *pgtest.Shards, spec access.Spec) {
	t.Helper()
	require.NoError(t, migrate.Retire(t.Context(), shards.Map, shards.Admin.As("test").ConnConfig, &spec, slog.New(slog.DiscardHandler)))
}

// as connects to shard 0; the connection ends with the test.
func as(t *testing.T, shards *pgtest.Shards, login, password string) (*pgx.Conn, error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?sslmode=disable", login, password, shards.Servers[0].Port, pgtest.Database(0)))
	if err == nil {
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
	}
	return conn, err
}

func mustAs(t *testing.T, shards *pgtest.Shards, login, password string) *pgx.Conn {
	t.Helper()
	conn, err := as(t, shards, login, password)
	require.NoError(t, err)
	return conn
}

func code(err error) string {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return pgErr.Code
	}
	return fmt.Sprint(err)
}

const denied = "42501"

func TestRolesMayDoWhatTheyDeclare(t *testing.T) {
	shards := pgtest.StartShards(t, 1)
	connect, log := shards.Admin.As("test").ConnConfig, slog.New(slog.DiscardHandler)
	require.NoError(t, migrate.Run(t.Context(), shards.Map, connect, log))
	spec := access.Spec{Services: []access.Service{
		roleOf("writer", "w", []string{"notes"}, []string{"accounts", "shop.*"}),
		withFunction(roleOf("reader", "r", []string{"accounts"}, nil), "shop.total"),
		roleOf("watcher", "x", nil, nil),
	}}
	require.NoError(t, applyRoles(t, shards, spec))
	// The tables come after the roles, as a service's first migration does.
	require.NoError(t, migrate.Service(t.Context(), shards.Map, connect, accounts.Schema(), log))
	db := pgtest.Database(0)
	shards.Servers[0].Exec(db, "CREATE SCHEMA shop; CREATE TABLE shop.orders (id bigserial PRIMARY KEY, total integer); CREATE TABLE shop.old AS SELECT 1 AS a")

	shards.Servers[0].Exec(db, `CREATE FUNCTION shop.total() RETURNS bigint SECURITY DEFINER LANGUAGE sql AS 'SELECT count(*) FROM shop.orders';
		REVOKE ALL ON FUNCTION shop.total() FROM PUBLIC`)

	const update = "SELECT scalestack.hold(0); UPDATE accounts SET name = 'x' WHERE user_id = 0"
	for login, statements := range map[string]map[string]string{
		"svc_writer_a:w": {
			"SELECT FROM accounts": "", update: "", "SELECT FROM notes": "", "DELETE FROM notes": denied,
			"INSERT INTO shop.orders (total) VALUES (1)": "", "DELETE FROM shop.old": "", "TRUNCATE shop.old": denied, "CREATE TABLE shop.mine ()": denied,
			"SELECT shop.total()": denied, "CREATE TEMP TABLE mine (id bigint)": "",
		},
		"svc_reader_a:r":  {"SELECT FROM accounts": "", update: denied, "SELECT FROM notes": denied, "SELECT FROM shop.orders": denied, "SELECT shop.total()": ""},
		"svc_watcher_a:x": {"SELECT FROM accounts": denied, "SELECT FROM scalestack.shard, scalestack.owned_buckets, scalestack.move": "", "SELECT scalestack.revoke_access('svc_reader')": denied, "INSERT INTO scalestack.access VALUES ('svc_watcher', 'public', 'accounts', true)": denied},
	} {
		name, password, _ := strings.Cut(login, ":")
		conn := mustAs(t, shards, name, password)
		for statement, want := range statements {
			_, err := conn.Exec(t.Context(), statement)
			if want == "" {
				require.NoError(t, err, "%s: %s", name, statement)
			} else {
				require.Equal(t, want, code(err), "%s: %s", name, statement)
			}
		}
	}

	t.Run("a table that is made anew", func(t *testing.T) {
		shards.Servers[0].Exec(db, "DROP TABLE shop.orders; CREATE TABLE shop.orders_new (id bigint); ALTER TABLE shop.orders_new RENAME TO orders")
		_, err := mustAs(t, shards, "svc_writer_a", "w").Exec(t.Context(), "INSERT INTO shop.orders VALUES (1)")
		require.NoError(t, err)
	})
	t.Run("what is no longer declared goes, what was added by hand too", func(t *testing.T) {
		shards.Servers[0].Exec(db, `GRANT ALL ON accounts TO svc_reader_a; GRANT UPDATE (name) ON notes TO svc_reader; GRANT pg_read_all_data TO svc_reader_a;
			ALTER ROLE svc_reader_a CREATEROLE BYPASSRLS CONNECTION LIMIT -1`)
		require.NoError(t, applyRoles(t, shards, access.Spec{Services: []access.Service{
			roleOf("writer", "w", nil, []string{"notes"}), roleOf("reader", "r", nil, []string{"notes"})}}))
		reader := mustAs(t, shards, "svc_reader_a", "r")
		for statement, want := range map[string]string{
			"SELECT FROM accounts": denied, "SELECT FROM notes": "<nil>", "SELECT FROM shop.orders": denied, "SELECT shop.total()": denied, "CREATE ROLE mine": denied,
		} {
			_, err := reader.Exec(t.Context(), statement)
			require.Equal(t, want, code(err), statement)
		}
		_, err := mustAs(t, shards, "svc_writer_a", "w").Exec(t.Context(), "SELECT FROM accounts")
		require.Equal(t, denied, code(err))
		require.Equal(t, 1, shards.Servers[0].Count(db, "SELECT count(*) FROM pg_roles WHERE rolname = 'svc_reader_a' AND NOT rolcreaterole AND NOT rolbypassrls AND rolconnlimit = 3"))
	})
	t.Run("a service that left", func(t *testing.T) {
		left := access.Spec{Services: []access.Service{roleOf("reader", "r", []string{"notes"}, nil)}}
		require.NoError(t, applyRoles(t, shards, left))
		writer := mustAs(t, shards, "svc_writer_a", "w")
		_, err := writer.Exec(t.Context(), "SELECT FROM notes")
		require.NoError(t, err, "its pods may still run")
		retire(t, shards, left)
		_, err = writer.Exec(t.Context(), "SELECT FROM notes")
		require.Equal(t, denied, code(err))
		require.Equal(t, 2, shards.Servers[0].Count(db, "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'svc\\_writer\\__' AND rolvaliduntil < now() + interval '61 minutes'"))
	})
}

func TestRolesAreLimited(t *testing.T) {
	shards := pgtest.StartShards(t, 1)
	runBoth(t, shards)
	spec := access.Spec{Services: []access.Service{roleOf("writer", "w", nil, []string{"accounts"})}}
	require.NoError(t, applyRoles(t, shards, spec))
	for range 3 {
		conn := mustAs(t, shards, "svc_writer_a", "w")
		var settings string
		require.NoError(t, conn.QueryRow(t.Context(), `SELECT concat_ws(' ', current_setting('statement_timeout'),
			current_setting('idle_in_transaction_session_timeout'), current_setting('max_parallel_workers_per_gather'))`).Scan(&settings))
		require.Equal(t, "1min 30s 0", settings)
	}
	_, err := as(t, shards, "svc_writer_a", "w")
	require.ErrorContains(t, err, `too many connections for role "svc_writer_a"`)
	_, err = as(t, shards, "svc_writer", "w")
	require.Error(t, err)
	require.Zero(t, shards.Servers[0].Count("postgres", "SELECT count(*) FROM pg_authid WHERE rolname = 'svc_writer_b' AND rolpassword IS NOT NULL"))
}

func TestSettingsOfRolesAreReset(t *testing.T) {
	shards := pgtest.StartShards(t, 1)
	runBoth(t, shards)
	spec := access.Spec{Services: []access.Service{roleOf("writer", "w", nil, []string{"accounts"})}, Former: []string{"app"}}
	require.NoError(t, applyRoles(t, shards, spec))
	const readOnly = "default_transaction_read_only = on"
	for _, statement := range []string{
		"CREATE ROLE somebody", "ALTER ROLE somebody SET work_mem = '64MB'",
		"ALTER ROLE svc_writer_a SET " + readOnly, "ALTER ROLE app SET " + readOnly, "ALTER ROLE postgres SET work_mem = '8GB'",
		"ALTER ROLE svc_writer_a IN DATABASE shard_0_db SET " + readOnly, "ALTER DATABASE shard_0_db SET " + readOnly, "ALTER ROLE ALL SET " + readOnly,
	} {
		shards.Servers[0].Exec("postgres", statement)
	}
	require.NoError(t, run(t, shards, shards.Map, time.Minute))
	require.NoError(t, applyRoles(t, shards, spec))
	require.Equal(t, 3, shards.Servers[0].Count("postgres", "SELECT count(*) FROM pg_db_role_setting"), "the limits of the two logins, and the role that is not the stack's")
	_, err := mustAs(t, shards, "svc_writer_a", "w").Exec(t.Context(), "SELECT scalestack.hold(0); UPDATE accounts SET name = 'x' WHERE user_id = 0")
	require.NoError(t, err)
}

// What a rotation replaces is in use until its credentials have arrived: it has to reach
// every shard, and then the services, before the next one changes those logins.
func TestARotationBeginsAfterTheLastHasEnded(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	runBoth(t, shards)
	rotated := func(n int, password string) access.Spec {
		return access.Spec{Rotation: n, Services: []access.Service{roleOf("users", password, nil, []string{"accounts"})}}
	}
	require.NoError(t, applyRoles(t, shards, rotated(0, "zero")))
	retire(t, shards, rotated(0, "zero"))
	ageRotation(shards)

	// Somebody has the second shard's lock until the Job's time is up.
	other := shards.Servers[1].Admin(pgtest.Database(1))
	_, err := other.Exec(t.Context(), "SELECT pg_advisory_lock($1)", locks.Migration)
	require.NoError(t, err)
	short, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	one := rotated(1, "one")
	require.ErrorIs(t, migrate.Roles(short, shards.Map, shards.Admin.As("test").ConnConfig, &one, slog.New(slog.DiscardHandler)), context.DeadlineExceeded)
	require.NoError(t, other.Close(t.Context()))
	ageRotation(shards)

	refused := func(reason string) {
		t.Helper()
		require.EqualError(t, applyRoles(t, shards, rotated(2, "two")),
			"nothing was changed: refused: rotation 2 of the services' passwords: rotation 1 has not "+reason)
		require.NoError(t, mustAs(t, shards, "svc_users_a", "zero").Close(t.Context()))
	}
	refused("reached shard-1, so that pods may use the logins of before. Fix: deploy with 1 first")
	require.NoError(t, applyRoles(t, shards, one))
	ageRotation(shards)
	refused("ended, so that pods may use the logins of before. Fix: deploy with 1 to the end, after which the Job shards-reshard notes that")
	retire(t, shards, one)
	// One that was restored since has heard of neither, and is told by the same deployment.
	shards.Servers[1].Exec(pgtest.Database(1), "UPDATE scalestack.rotation SET rotation = 0, retired = 0")
	refused("reached shard-1, so that pods may use the logins of before. Fix: deploy with 1 first")
	require.NoError(t, applyRoles(t, shards, one))
	ageRotation(shards)
	require.NoError(t, applyRoles(t, shards, rotated(2, "two")))
	mustAs(t, shards, "svc_users_a", "two")
}

// Both logins work until every client has read the new one.
func TestRotation(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	runBoth(t, shards)
	rotated := func(n int, password string) access.Spec {
		return access.Spec{Rotation: n, Services: []access.Service{roleOf("writer", password, nil, []string{"accounts"})}}
	}
	long := func() { ageRotation(shards) }
	require.NoError(t, applyRoles(t, shards, rotated(4, "first")))
	retire(t, shards, rotated(4, "first"))
	require.ErrorContains(t, applyRoles(t, shards, rotated(5, "second")), "rotation 5 of the services' passwords: the last one was ")
	long()
	for _, n := range []int{3, 6} {
		err := applyRoles(t, shards, rotated(n, "second"))
		require.EqualError(t, err, fmt.Sprintf("nothing was changed: refused: rotation %d of the services' passwords: must be 4 or, for new passwords, 5: any other changes a login that is in use", n))
	}
	require.NoError(t, applyRoles(t, shards, rotated(5, "second")))
	old, now := mustAs(t, shards, "svc_writer_a", "first"), mustAs(t, shards, "svc_writer_b", "second")
	for _, conn := range []*pgx.Conn{old, now} {
		_, err := conn.Exec(t.Context(), "SELECT FROM accounts")
		require.NoError(t, err)
	}
	retire(t, shards, rotated(5, "second"))
	mustAs(t, shards, "svc_writer_a", "first")
	shards.Servers[0].Exec("postgres", "ALTER ROLE svc_writer_a VALID UNTIL '2000-01-01'")
	_, err := as(t, shards, "svc_writer_a", "first")
	require.Error(t, err)
	retire(t, shards, rotated(5, "second"))
	_, err = as(t, shards, "svc_writer_a", "first")
	require.Error(t, err, "a retired login must not come back")

	t.Run("a run that was cut short, and a shard that is new", func(t *testing.T) {
		long()
		shards.Servers[0].Exec(pgtest.Database(0), "UPDATE scalestack.rotation SET rotation = 6")
		shards.Servers[1].Exec(pgtest.Database(1), "DELETE FROM scalestack.rotation")
		require.NoError(t, applyRoles(t, shards, rotated(6, "third")))
		mustAs(t, shards, "svc_writer_a", "third")
		mustAs(t, shards, "svc_writer_b", "second")
	})
}

func TestAFormerRoleKeepsItsRightsWhileItIsUsed(t *testing.T) {
	shards, _ := shardtest.Start(t, 1, accounts.Schema())
	spec := access.Spec{Services: []access.Service{roleOf("writer", "w", nil, []string{"accounts"})}, Former: []string{"app", "never"}}
	require.NoError(t, applyRoles(t, shards, spec))
	shards.Servers[0].Exec("postgres", "GRANT svc_writer TO app")
	app := mustAs(t, shards, "app", pgtest.AppPassword)
	done := make(chan struct{})
	go func() { defer close(done); retire(t, shards, spec) }()
	select {
	case <-done:
		t.Fatal("retired a role that is in use")
	case <-time.After(3 * time.Second):
	}
	_, err := app.Exec(t.Context(), "SELECT FROM accounts")
	require.NoError(t, err)
	require.NoError(t, app.Close(t.Context()))
	<-done
	_, err = mustAs(t, shards, "app", pgtest.AppPassword).Exec(t.Context(), "SELECT FROM accounts")
	require.Equal(t, denied, code(err))
}

// Two transactions that grant rights on a table at once would fail with "tuple
// concurrently updated".
func TestRolesMayBeAppliedWhileTablesChange(t *testing.T) {
	shards, _ := shardtest.Start(t, 1, accounts.Schema())
	spec := access.Spec{Services: []access.Service{roleOf("writer", "w", nil, []string{"accounts", "notes"})}}
	require.NoError(t, applyRoles(t, shards, spec))
	other := shards.Servers[0].Admin(pgtest.Database(0))
	t.Cleanup(func() { _ = other.Close(context.Background()) })
	stop, ended := make(chan struct{}), make(chan error)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			if _, err := other.Exec(context.Background(), fmt.Sprintf("ALTER TABLE notes SET (fillfactor = %d)", 50+i%50)); err != nil {
				ended <- err
				return
			}
		}
	}()
	for range 20 {
		require.NoError(t, applyRoles(t, shards, spec))
	}
	close(stop)
	require.NoError(t, <-ended)
}

// A verifier is enough to guess the password from, and to pose as the server.
func TestVerifiersStayOutOfTheLog(t *testing.T) {
	shards := pgtest.StartShards(t, 1)
	server, log := shards.Servers[0], slog.New(slog.DiscardHandler)
	require.NoError(t, migrate.Run(t.Context(), shards.Map, shards.Admin.As("test").ConnConfig, log))
	for _, setting := range []string{"log_statement = 'all'", "log_min_duration_statement = 0", "log_duration = on"} {
		server.Exec("postgres", "ALTER SYSTEM SET "+setting)
	}
	server.Exec("postgres", "SELECT pg_reload_conf()")
	require.NoError(t, applyRoles(t, shards, access.Spec{Services: []access.Service{roleOf("writer", "w", nil, []string{"accounts"})}}))
	require.Contains(t, server.Log(), "svc_writer_a", "the log has what the roles may do")
	require.NotContains(t, server.Log(), "SCRAM-SHA-256$")
}

// A rollout ends no pod before another one is ready, for which it needs sessions of its own.
func TestASmallerLimitComesAfterThePods(t *testing.T) {
	shards := pgtest.StartShards(t, 1)
	require.NoError(t, run(t, shards, shards.Map, time.Minute))
	limited := func(connections int) access.Spec {
		service := roleOf("users", "u", []string{"accounts"}, nil)
		service.Connections = connections
		return access.Spec{Services: []access.Service{service}}
	}
	limit := func() int {
		return shards.Servers[0].Count("postgres", "SELECT max(rolconnlimit) FROM pg_roles WHERE rolname LIKE 'svc\\_users\\__'")
	}
	require.NoError(t, applyRoles(t, shards, limited(6)))
	var before []*pgx.Conn
	for range 6 {
		before = append(before, mustAs(t, shards, access.Login("users", 0), "u"))
	}
	require.NoError(t, before[0].Close(t.Context()))

	require.NoError(t, applyRoles(t, shards, limited(3)))
	require.NoError(t, applyRoles(t, shards, limited(3)), "a deployment that failed is repeated")
	after, err := as(t, shards, access.Login("users", 0), "u")
	require.NoError(t, err, "a new pod gets no connection while those of before run")

	done := make(chan struct{})
	go func() { defer close(done); retire(t, shards, limited(3)) }()
	select {
	case <-done:
		t.Fatal("lowered a limit below what is in use")
	case <-time.After(3 * time.Second):
	}
	require.Equal(t, 6, limit())
	for _, conn := range before[1:] {
		require.NoError(t, conn.Close(t.Context()))
	}
	<-done
	require.Equal(t, 3, limit())
	require.NoError(t, after.Ping(t.Context()))

	require.NoError(t, applyRoles(t, shards, limited(6)))
	require.Equal(t, 6, limit(), "more connections come before the pods that need them")
}
