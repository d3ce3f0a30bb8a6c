package migrate_test

import (
	"testing"

	"github.com/scalestack/scalestack/sharding/access"
	"github.com/scalestack/scalestack/sharding/migrate"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// docs/services.md: whatever somebody grants to these roles by hand is taken back the next
// time the Job shards-migrate runs.
func TestWhateverWasGrantedByHandIsTakenBack(t *testing.T) {
	shards := pgtest.StartShards(t, 1)
	runBoth(t, shards)
	spec := access.Spec{Services: []access.Service{roleOf("reader", "r", []string{"accounts"}, nil)}}
	require.NoError(t, applyRoles(t, shards, spec))
	server, db := shards.Servers[0], pgtest.Database(0)
	server.Exec(db, "CREATE ROLE alice; CREATE SCHEMA shop; CREATE FOREIGN DATA WRAPPER files; CREATE SERVER far FOREIGN DATA WRAPPER files; SELECT lo_create(4711)")
	for name, one := range map[string]struct{ grant, has string }{
		"by a role with the grant option": {"GRANT DELETE ON accounts TO alice WITH GRANT OPTION; SET ROLE alice; GRANT DELETE ON accounts TO svc_reader",
			"has_table_privilege('svc_reader_a', 'accounts', 'DELETE')"},
		"on a column, by such a role": {"GRANT UPDATE (name) ON accounts TO alice WITH GRANT OPTION; SET ROLE alice; GRANT UPDATE (name) ON accounts TO svc_reader_a",
			"has_column_privilege('svc_reader_a', 'accounts', 'name', 'UPDATE')"},
		"the way round the fence": {"GRANT SET ON PARAMETER session_replication_role TO svc_reader", "has_parameter_privilege('svc_reader_a', 'session_replication_role', 'SET')"},
		"on what is made later":   {"ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO svc_reader", "EXISTS (SELECT FROM pg_default_acl WHERE defaclacl::text LIKE '%svc_reader%')"},
		"on what alice makes":     {"ALTER DEFAULT PRIVILEGES FOR ROLE alice IN SCHEMA shop GRANT ALL ON ROUTINES TO svc_reader_b", "EXISTS (SELECT FROM pg_default_acl WHERE defaclacl::text LIKE '%svc_reader%')"},
		"on the database":         {"GRANT CREATE ON DATABASE " + db + " TO svc_reader", "has_database_privilege('svc_reader_a', current_database(), 'CREATE')"},
		"on a schema":             {"GRANT CREATE ON SCHEMA shop TO svc_reader", "has_schema_privilege('svc_reader_a', 'shop', 'CREATE')"},
		"on a server":             {"GRANT USAGE ON FOREIGN SERVER far TO svc_reader", "has_server_privilege('svc_reader_a', 'far', 'USAGE')"},
		"on a wrapper":            {"GRANT USAGE ON FOREIGN DATA WRAPPER files TO svc_reader", "has_foreign_data_wrapper_privilege('svc_reader_a', 'files', 'USAGE')"},
		"on a large object":       {"GRANT SELECT ON LARGE OBJECT 4711 TO svc_reader", "EXISTS (SELECT FROM pg_largeobject_metadata WHERE lomacl::text LIKE '%svc_reader%')"},
		"to the role of all clients": {"GRANT DELETE ON accounts TO scalestack_client; GRANT UPDATE ON scalestack.ownership TO scalestack_client",
			"has_table_privilege('svc_reader_a', 'accounts', 'DELETE') OR has_table_privilege('svc_reader_a', 'scalestack.ownership', 'UPDATE')"},
		"a membership, by its administrator": {"GRANT pg_read_all_data TO alice WITH ADMIN OPTION; SET ROLE alice; GRANT pg_read_all_data TO svc_reader_a", "pg_has_role('svc_reader_a', 'pg_read_all_data', 'USAGE')"},
		"the right to pass a role on":        {"GRANT svc_reader TO svc_reader_a WITH ADMIN OPTION", "pg_has_role('svc_reader_a', 'svc_reader', 'MEMBER WITH ADMIN OPTION')"},
	} {
		t.Run(name, func(t *testing.T) {
			server.Exec(db, one.grant)
			require.Equal(t, 1, server.Count(db, "SELECT ("+one.has+")::int"))
			server.Own(db)
			require.NoError(t, applyRoles(t, shards, spec))
			require.Equal(t, 0, server.Count(db, "SELECT ("+one.has+")::int"))
		})
	}
	require.Equal(t, 1, server.Count(db, "SELECT has_table_privilege('alice', 'accounts', 'DELETE')::int"), "what others have is theirs")
	_, err := mustAs(t, shards, "svc_reader_a", "r").Exec(t.Context(), `SELECT FROM accounts;
		SELECT FROM scalestack.shard, scalestack.ownership, scalestack.owned_buckets, scalestack.move; SELECT scalestack.bucket_rows('accounts'::regclass, 1)`)
	require.NoError(t, err)

	t.Run("who may connect stays so", func(t *testing.T) {
		server.Exec(db, "REVOKE ALL ON DATABASE "+db+" FROM PUBLIC; GRANT CONNECT ON DATABASE "+db+" TO svc_reader")
		require.NoError(t, applyRoles(t, shards, spec))
		mustAs(t, shards, "svc_reader_a", "r")
	})
	t.Run("what cannot be taken back is named", func(t *testing.T) {
		server.Exec(db, "SET ROLE alice; GRANT DELETE ON accounts TO svc_reader; RESET ROLE; ALTER ROLE alice SUPERUSER")
		err := applyRoles(t, shards, spec)
		var refused *migrate.RefusedError
		require.ErrorAs(t, err, &refused)
		require.ErrorContains(t, err, "role svc_reader has rights that could not be taken back: delete on table public.accounts, granted by alice. Fix: ")
		server.Exec(db, "ALTER ROLE alice NOSUPERUSER")
		server.Own(db)
		require.NoError(t, applyRoles(t, shards, spec))
	})
	t.Run("what they own is refused, save what everybody may make", func(t *testing.T) {
		reader := mustAs(t, shards, "svc_reader_a", "r")
		_, err := reader.Exec(t.Context(), "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON ROUTINES FROM PUBLIC; SELECT lo_create(0)")
		require.NoError(t, err)
		require.NoError(t, applyRoles(t, shards, spec))
		server.Exec(db, "CREATE TABLE shop.mine (a int); ALTER TABLE shop.mine OWNER TO svc_reader")
		err = applyRoles(t, shards, spec)
		require.ErrorContains(t, err, "nothing was changed: refused: shard-0: svc_reader owns table shop.mine, and an owner may do everything. Fix: ")
		server.Exec(db, "ALTER TABLE shop.mine OWNER TO alice")
		require.NoError(t, applyRoles(t, shards, spec))
	})
}
