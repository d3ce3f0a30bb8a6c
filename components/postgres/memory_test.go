package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/k8s"
)

const outOfMemory = "53200"

// greedyStatements want more memory than a small shard has. Any role may say them.
var greedyStatements = map[string]string{
	"sort":           "SET work_mem = '8GB'; SELECT count(*) FROM (SELECT repeat(md5(g::text), 8) AS s FROM generate_series(1, 3000000) AS g ORDER BY 1 OFFSET 1) AS sorted",
	"hash aggregate": "SET work_mem = '8GB'; SET hash_mem_multiplier = 1000; SELECT count(*) FROM (SELECT g FROM generate_series(1, 10000000) AS g GROUP BY g) AS groups",
	"hash join":      "SET work_mem = '8GB'; SELECT count(*) FROM generate_series(1, 3000000) AS a JOIN generate_series(1, 3000000) AS b ON a = b",
	"long text":      "SELECT length(repeat('x', 1000000000))",
	"array":          "SELECT cardinality(array_agg(repeat('x', 1000) || g)) FROM generate_series(1, 1000000) AS g",
	"variable":       "DO $$ DECLARE s text := 'x'; BEGIN LOOP s := s || s; END LOOP; END $$",
	"local buffers":  "SET temp_buffers = '8GB'; CREATE TEMP TABLE t AS SELECT repeat(md5(g::text), 100) FROM generate_series(1, 1000000) AS g",
	"index": "CREATE TEMP TABLE t AS SELECT repeat(md5(g::text), 8) AS s FROM generate_series(1, 1000000) AS g; SET maintenance_work_mem = '8GB'; " +
		"CREATE INDEX ON t (s)",
	"workers": "SET work_mem = '8GB'; SET hash_mem_multiplier = 1000; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; " +
		"SELECT count(*) FROM (SELECT s FROM public.wide GROUP BY s) AS groups",
}

// requireRefused says a statement in a session of its own, and that this session alone is told so.
func (s *shard) requireRefused(name, statement string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	conn, err := s.connect(AppRole, appPassword)
	require.NoError(s.t, err, name)
	defer conn.Close(context.Background())
	_, err = conn.Exec(ctx, statement)
	var refused *pgconn.PgError
	require.True(s.t, errors.As(err, &refused), "%s: %v", name, err)
	require.Equal(s.t, outOfMemory, refused.Code, "%s: %v", name, refused)
}

// requireGreedRefused says all of them beside another session, which goes on.
func (s *shard) requireGreedRefused() {
	s.t.Helper()
	other, err := s.connect("postgres", "admin-1")
	require.NoError(s.t, err)
	defer other.Close(context.Background())
	_, err = other.Exec(s.t.Context(), `CREATE TABLE IF NOT EXISTS public.wide AS SELECT repeat(md5(g::text), 8) AS s FROM generate_series(1, 600000) AS g;
		GRANT SELECT ON public.wide TO app; ANALYZE public.wide; CREATE TEMP TABLE own ()`)
	require.NoError(s.t, err)
	for name, statement := range greedyStatements {
		s.requireRefused(name, statement)
		_, err := other.Exec(s.t.Context(), "SELECT FROM own")
		require.NoError(s.t, err, "another session after %s", name)
	}
}

func TestASessionCannotTakeTheServerDown(t *testing.T) {
	s := newShard(t)
	s.logTo("server.log")
	s.requireBootstrap()
	s.start()
	s.requireGreedRefused()
	require.NotContains(t, s.said("server.log"), "terminating any other active server processes")
}

func (s *shard) logTo(name string) {
	s.t.Helper()
	var err error
	s.log, err = os.OpenFile(s.at(name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = s.log.Close() })
}

func (s *shard) said(name string) string {
	text, err := os.ReadFile(s.at(name))
	require.NoError(s.t, err)
	return string(text)
}

// longRecord is in the log once, takes a session little more than its length, and who replays it twice that.
const longRecord = "SELECT pg_logical_emit_message(true, 'any', repeat('x', length))::text FROM (SELECT %d AS length OFFSET 0) AS one"

// A server whose session may write a record that it cannot replay would never start again.
func TestARecordOfAnyLengthIsReplayed(t *testing.T) {
	s := newShard(t)
	s.logTo("server.log")
	s.requireBootstrap()
	s.start()
	length := tuning(s.args).ProcessMemory * 3 / 4
	require.NotEmpty(t, s.query(AppRole, appPassword, fmt.Sprintf(longRecord, length)))
	s.kill()

	// In a new pod.
	s.requireBootstrap()
	s.start()
	require.NotEmpty(t, s.query(AppRole, appPassword, fmt.Sprintf(longRecord, length)))

	// In the same server, which tries and ends, and then in the same container.
	writer := s.query("postgres", "admin-1", "SELECT pid::text FROM pg_stat_activity WHERE backend_type = 'walwriter'")
	require.NoError(t, s.command("sh", "-c", "kill -KILL "+writer).Run())
	require.Error(t, s.server.Wait())
	s.server = nil
	s.requireEnded()
	require.Contains(t, s.said("server.log"), "shutting down due to startup process failure")
	s.startAgain()
	s.requireRefused("long text", greedyStatements["long text"])
}

// What the server is told to do has room, with the least memory and with much.
func TestTheServerHasRoomForItsOwnSettings(t *testing.T) {
	for _, args := range []*Args{
		{Resources: k8s.Resources{Memory: "256Mi"}, MaxConnections: minConnections},
		{Resources: k8s.Resources{Memory: "256Mi"}, MaxConnections: MaxConnectionsFor(minMemory)},
		{Resources: k8s.Resources{Memory: "16Gi"}, MaxConnections: 500},
	} {
		t.Run(fmt.Sprintf("%s for %d", args.Resources.Memory, args.MaxConnections), func(t *testing.T) {
			s := newShard(t)
			s.configure(args)
			s.logTo("server.log")
			s.requireBootstrap()
			s.start()
			s.work()
		})
	}
}

// work sorts, hashes, indexes, vacuums and decodes more than fits in what the settings give each.
func (s *shard) work() {
	s.t.Helper()
	conn, err := s.connect("postgres", "admin-1")
	require.NoError(s.t, err)
	defer conn.Close(context.Background())
	for _, statement := range []string{
		"SELECT pg_create_logical_replication_slot('move', 'pgoutput')", "CREATE PUBLICATION everything FOR ALL TABLES", "CREATE DATABASE copy",
		"CREATE TABLE wide (id int PRIMARY KEY, hash text, text text, numbers int[])",
		`INSERT INTO wide SELECT g AS id, md5(g::text) AS hash, repeat(md5(g::text), 6) AS text, ARRAY[g % 1000, g % 977, g % 59] AS numbers FROM generate_series(1, 100000) AS g`,
		"CREATE INDEX ON wide (text)", "CREATE INDEX ON wide USING gin (numbers)",
		"UPDATE wide SET text = repeat(hash, 5)", "DELETE FROM wide WHERE id % 3 = 0", "VACUUM (ANALYZE) wide", "CLUSTER wide USING wide_pkey",
		"SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0",
		"SELECT count(*) FROM (SELECT text FROM wide ORDER BY text OFFSET 1) AS sorted", "SELECT count(*) FROM (SELECT hash, count(*) FROM wide GROUP BY hash) AS groups",
		"SELECT count(*) FROM wide AS a JOIN wide AS b USING (hash) JOIN wide AS c ON c.text = a.text WHERE a.id <> 1",
		"SELECT count(DISTINCT text) FROM wide", "SELECT hash, row_number() OVER (PARTITION BY id % 100 ORDER BY text) FROM wide OFFSET 60000 LIMIT 1",
	} {
		_, err := conn.Exec(s.t.Context(), statement)
		require.NoError(s.t, err, statement)
	}
	s.decode(conn)
}

// decode moves the rows to another database of the server, as they move between shards, while four sessions write.
func (s *shard) decode(conn *pgx.Conn) {
	s.t.Helper()
	config := conn.Config().Copy()
	config.Database = "copy"
	copied, err := pgx.ConnectConfig(s.t.Context(), config)
	require.NoError(s.t, err)
	defer copied.Close(context.Background())
	subscription := fmt.Sprintf(`CREATE SUBSCRIPTION moved CONNECTION 'host=127.0.0.1 port=%d user=postgres password=admin-1 dbname=shard_0_db'
		PUBLICATION everything WITH (create_slot = false, slot_name = move, copy_data = false)`, s.port)
	_, err = copied.Exec(s.t.Context(), "CREATE TABLE wide (id int PRIMARY KEY, hash text, text text, numbers int[]);"+subscription)
	require.NoError(s.t, err)
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			writer, err := s.connect("postgres", "admin-1")
			if assert.NoError(s.t, err) {
				defer writer.Close(context.Background())
				_, err = writer.Exec(s.t.Context(), fmt.Sprintf(`BEGIN; INSERT INTO wide SELECT -10 * g - %[1]d, md5(g::text), repeat(md5(g::text), 6) FROM generate_series(1, 10000) AS g;
					UPDATE wide SET text = repeat(hash, 4) WHERE id < 0 AND -id %% 10 = %[1]d; COMMIT`, i))
				assert.NoError(s.t, err)
			}
		})
	}
	writers.Wait()
	const sum = "SELECT count(*) || ' ' || sum(hashtext(text)) FROM wide"
	var wanted, found string
	require.NoError(s.t, conn.QueryRow(s.t.Context(), sum).Scan(&wanted))
	require.Eventually(s.t, func() bool { return copied.QueryRow(s.t.Context(), sum).Scan(&found) == nil && found == wanted }, 2*time.Minute, time.Second, "the rows do not arrive")
	require.NotContains(s.t, s.said("server.log"), "out of memory")
}

// The program of archive_command is started by the server, and is no part of it.
func TestTheArchiversProgramHasNoLimit(t *testing.T) {
	s := newShard(t)
	s.requireBootstrap()
	command := (&Args{Backup: &Backup{}}).archiveSettings()[1].value
	before, _, found := strings.Cut(command, "exec ")
	require.True(t, found)
	s.write("postgresql.conf", s.said("postgresql.conf")+setting{"archive_mode", "on"}.line()+setting{"archive_command", before + "ulimit -S -d >" + s.at("volume/limit")}.line())
	s.start()
	s.query("postgres", "admin-1", "SELECT pg_switch_wal()::text FROM pg_create_restore_point('any')")
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(s.at("volume/limit"))
		return err == nil && strings.TrimSpace(string(text)) == "unlimited"
	}, 30*time.Second, 100*time.Millisecond)
}
