package schema_test

import (
	"context"
	"database/sql"
	"log/slog"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/scalestack/scalestack/services/users/internal/schema"
	"github.com/scalestack/scalestack/sharding/migrate"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

// both does what shardctl migrate and users migrate do.
func both(ctx context.Context, shards *pgtest.Shards) error {
	log := slog.New(slog.DiscardHandler)
	if err := migrate.Run(ctx, shards.Map, shards.Admin.As("test").ConnConfig, log); err != nil {
		return err
	}
	return migrate.Service(ctx, shards.Map, shards.Owner.As("test").ConnConfig, schema.Users(), log)
}

// startFormer runs a shard as the releases made it that had one list of versions
// for engine and service, up to a version, with a user in it.
func startFormer(t *testing.T, upTo int64) *pgtest.Shards {
	t.Helper()
	shards := pgtest.StartShards(t, 1)
	makeFormer(t, shards, upTo)
	return shards
}

// makeFormer replaces whatever is in the shard.
func makeFormer(t *testing.T, shards *pgtest.Shards, upTo int64) {
	t.Helper()
	server, name := shards.Servers[0], pgtest.Database(0)
	server.Exec(name, "DROP SCHEMA IF EXISTS scalestack CASCADE; DROP SCHEMA public CASCADE; "+
		"CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC; CREATE SCHEMA scalestack")
	config, err := shards.As("postgres", pgtest.SuperPassword).As("test").ConnConfig(&shards.Map.Shards[0])
	require.NoError(t, err)
	db := stdlib.OpenDB(*config)
	defer db.Close()
	applyFormer(t, db, upTo)
	server.Own(name)
	server.Exec(name, "INSERT INTO scalestack.shard (cluster, shard_id, buckets, initial_shards) VALUES ('test', 0, 12, 1)")
	server.Exec(name, "INSERT INTO scalestack.ownership (bucket, state, owner, epoch) SELECT bucket, 'owned', 0, 7 FROM generate_series(0, 11) AS bucket")
	if upTo >= 3 {
		server.Exec(name, "INSERT INTO users (user_id, name, email) VALUES (5, 'Ada', 'ada@example.com')")
	}
}

func applyFormer(t *testing.T, db *sql.DB, upTo int64) {
	t.Helper()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, os.DirFS("testdata/before-split"),
		goose.WithTableName("scalestack.migrations"), goose.WithDisableGlobalRegistry(true))
	require.NoError(t, err)
	_, err = provider.UpTo(t.Context(), upTo)
	require.NoError(t, err)
}

// structure describes everything that the migrations of both owners make, but
// for the tables of versions. Object ids and the order of columns are not part of it.
func structure(t *testing.T, shards *pgtest.Shards) string {
	t.Helper()
	return text(t, shards, `
		SELECT string_agg(line, E'\n' ORDER BY line) FROM (
			SELECT format('column %s.%s.%s %s %s %s', table_schema, table_name, column_name, data_type, is_nullable, column_default)
			FROM information_schema.columns WHERE table_schema IN ('public', 'scalestack') AND table_name !~ '(migrations|schema_version)$'
			UNION ALL SELECT format('function %s %s', p.oid::regprocedure, pg_get_functiondef(p.oid))
			FROM pg_proc AS p WHERE pronamespace = 'scalestack'::regnamespace
			UNION ALL SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
			FROM pg_constraint WHERE connamespace IN ('public'::regnamespace, 'scalestack'::regnamespace) AND conrelid::regclass::text !~ '(migrations|schema_version)$'
			UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
			UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname IN ('public', 'scalestack') AND tablename !~ '(migrations|schema_version)$'
			UNION ALL SELECT format('view %s %s', viewname, definition) FROM pg_views WHERE schemaname = 'scalestack'
			UNION ALL SELECT format('grant %s.%s %s %s', table_schema, table_name, grantee, privilege_type)
			FROM information_schema.role_table_grants WHERE grantee = 'app'
			UNION ALL SELECT format('options %s %s', oid::regclass, reloptions) FROM pg_class
			WHERE relnamespace IN ('public'::regnamespace, 'scalestack'::regnamespace) AND reloptions IS NOT NULL) AS all_lines (line)`)
}

// content is what must survive: file nodes show that no table was made anew.
func content(t *testing.T, shards *pgtest.Shards) string {
	t.Helper()
	return text(t, shards, `
		SELECT concat_ws(E'\n',
			(SELECT string_agg(oid::regclass || ' ' || relfilenode, ',' ORDER BY oid) FROM pg_class
				WHERE relkind = 'r' AND oid::regclass::text IN ('users', 'products', 'outbox', 'inbox', 'activity',
					'scalestack.shard', 'scalestack.ownership', 'scalestack.move', 'scalestack.migrations')),
			query_to_xml('SELECT * FROM scalestack.migrations ORDER BY id', true, false, ''),
			query_to_xml('SELECT cluster, shard_id, buckets, initial_shards, created_at FROM scalestack.shard', true, false, ''),
			query_to_xml('SELECT * FROM scalestack.ownership ORDER BY bucket', true, false, ''),
			query_to_xml('SELECT user_id, name, email FROM users ORDER BY user_id', true, false, ''))`)
}

func text(t *testing.T, shards *pgtest.Shards, query string) string {
	t.Helper()
	conn := shards.Servers[0].Admin(pgtest.Database(0))
	defer conn.Close(t.Context())
	var found string
	require.NoError(t, conn.QueryRow(t.Context(), query).Scan(&found))
	return found
}

func versions(t *testing.T, shards *pgtest.Shards, table string) string {
	t.Helper()
	return text(t, shards, "SELECT string_agg(version_id::text, ' ' ORDER BY version_id) FROM "+table+" WHERE is_applied")
}

func requireCurrent(t *testing.T, shards *pgtest.Shards) {
	t.Helper()
	require.Equal(t, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", versions(t, shards, "scalestack.schema_version"))
	require.Equal(t, "0 1 2 3 4 5 6 7 8", versions(t, shards, "public.users_schema_version"))
}

func TestAFormerDatabaseIsAdopted(t *testing.T) {
	fresh := pgtest.StartShards(t, 1)
	require.NoError(t, both(t.Context(), fresh))
	requireCurrent(t, fresh)
	want := structure(t, fresh)

	shards := startFormer(t, 6)
	before := content(t, shards)
	for range 2 {
		require.NoError(t, both(t.Context(), shards))
		requireCurrent(t, shards)
		require.Equal(t, before, content(t, shards))
		require.Equal(t, want, structure(t, shards))
	}

	for upTo := int64(1); upTo < 6; upTo++ {
		makeFormer(t, shards, upTo)
		require.NoError(t, both(t.Context(), shards), "from version %d", upTo)
		requireCurrent(t, shards)
		require.Equal(t, want, structure(t, shards), "from version %d", upTo)
	}
}

// killAt ends every session that makes the table, in the middle of its
// transaction, as a kill of the process would.
func killAt(table string) []string {
	return []string{
		`CREATE FUNCTION public.kill() RETURNS event_trigger LANGUAGE plpgsql AS $$
		BEGIN
			PERFORM pg_terminate_backend(pg_backend_pid()) FROM pg_event_trigger_ddl_commands() WHERE object_identity = '` + table + `';
		END $$`,
		"CREATE EVENT TRIGGER kill ON ddl_command_end EXECUTE FUNCTION public.kill()",
	}
}

func TestAdoptionIsKilledHalfWay(t *testing.T) {
	for _, table := range []string{"scalestack.schema_version", "public.users_schema_version"} {
		t.Run(table, func(t *testing.T) {
			shards := startFormer(t, 6)
			before := content(t, shards)
			server, name := shards.Servers[0], pgtest.Database(0)
			for _, statement := range killAt(table) {
				server.Exec(name, statement)
			}
			require.Error(t, both(t.Context(), shards))
			require.Equal(t, "false", text(t, shards, "SELECT (to_regclass('"+table+"') IS NOT NULL)::text"), "table and versions come together")
			require.Equal(t, before, content(t, shards))
			server.Exec(name, "DROP EVENT TRIGGER kill")
			server.Exec(name, "DROP FUNCTION public.kill")
			require.NoError(t, both(t.Context(), shards))
			requireCurrent(t, shards)
			require.Equal(t, before, content(t, shards))
		})
	}
}

// The runs end after random times; one is let through at last.
func TestAdoptionIsKilledAtRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	shards := pgtest.StartShards(t, 1)
	for range 3 {
		makeFormer(t, shards, 1+random.Int64N(6))
		for range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(60))*time.Millisecond)
			_ = both(ctx, shards)
			cancel()
		}
		require.NoError(t, both(t.Context(), shards))
		requireCurrent(t, shards)
	}
}

// The engine goes first.
func TestTheServiceNeedsAShard(t *testing.T) {
	shards := pgtest.StartShards(t, 1)
	var connect migrate.Connector = func(shard *shardmap.Shard) (*pgx.ConnConfig, error) { return shards.Admin.As("test").ConnConfig(shard) }
	err := migrate.Service(t.Context(), shards.Map, connect, schema.Users(), slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "nothing was changed: shard-0: ")
	require.ErrorContains(t, err, "run shardctl migrate first")
	require.Equal(t, "false", text(t, shards, "SELECT (to_regclass('public.users_schema_version') IS NOT NULL)::text"))
}

// A former release made the shard, and its engine lacks what the steps call.
func TestTheServiceNeedsTheNewestEngine(t *testing.T) {
	shards := startFormer(t, 6)
	before := structure(t, shards)
	err := migrate.Service(t.Context(), shards.Map, shards.Owner.As("test").ConnConfig, schema.Users(), slog.New(slog.DiscardHandler))
	var outdated *migrate.EngineError
	require.ErrorAs(t, err, &outdated)
	require.Zero(t, outdated.Have)
	require.Equal(t, before, structure(t, shards))
	require.Equal(t, "false", text(t, shards, "SELECT (to_regclass('public.users_schema_version') IS NOT NULL)::text"))
}
