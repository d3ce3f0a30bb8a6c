package router_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/scalestack/scalestack/sharding/bench"
	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/scalestack/scalestack/sharding/settings"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
)

const (
	// connectionsVariable has the numbers of client connections, separated by blanks.
	connectionsVariable = "SCALESTACK_MEASURE_CONNECTIONS"
	poolerConnections   = 20
	connectionUsers     = 10_000
	connectionRounds    = 5
	connectionTurn      = 4000
)

// TestMeasureConnections measures what connections cost server and client, and compares
// the throughput of many clients direct and through PgBouncer, in turns.
func TestMeasureConnections(t *testing.T) {
	text := os.Getenv(connectionsVariable)
	if text == "" {
		t.Skipf("a measurement and no test: set %s to numbers of connections", connectionsVariable)
	}
	shards := pgtest.StartShards(t, 1)
	server := shards.Servers[0]
	server.Exec("postgres", "ALTER SYSTEM SET max_connections = 2000")
	server.Stop()
	server.Run()
	shardtest.Migrate(t, t.Context(), shards, accounts.Schema())
	server.Exec(pgtest.Database(0), "INSERT INTO accounts (user_id, name, email) SELECT id, 'Name', 'e@example.com' FROM generate_series(0, $1) AS id", connectionUsers)
	server.Exec(pgtest.Database(0), "VACUUM ANALYZE accounts")
	emptyPools(t)
	pooler, pid := pgtest.StartPooler(t, shards, poolerConnections, time.Minute)
	through := shards.App
	through.Pooler = pooler
	for _, field := range strings.Fields(text) {
		clients, err := strconv.Atoi(field)
		require.NoError(t, err)
		t.Run(field, func(t *testing.T) {
			direct := opened(t, server, shards.App, clients)
			unprepared := shards.App
			unprepared.Pooler = fmt.Sprintf("127.0.0.1:%d", server.Port)
			compareConnections(t, clients, direct, sized(t, unprepared, clients, "unprepared"), sized(t, through, clients, "pooled"))
			t.Logf("memory of its own: the server %.1f MiB for %d direct connections, %.1f MiB for %d from PgBouncer, and PgBouncer %.1f MiB",
				mib(backends(t, server, "direct")), clients, mib(backends(t, server, "pooled")), poolerConnections, mib([]int64{own(t, pid)}))
		})
	}
}

// emptyPools measures a router whose 256 pools have no connection.
func emptyPools(t *testing.T) {
	shards := &pgtest.Shards{}
	m := &shardmap.Map{Format: shardmap.Format, Cluster: "test", Generation: 1, Buckets: 960, InitialShards: 256, Assignment: shardmap.Base(960, 256)}
	for id := range 256 {
		m.Shards = append(m.Shards, shardmap.Shard{ID: id, Name: fmt.Sprintf("shard-%d", id), Host: "127.0.0.1", Port: 1, Database: pgtest.Database(id)})
	}
	content, err := m.Encode()
	require.NoError(t, err)
	shards.App.MapFile = filepath.Join(t.TempDir(), "map.json")
	require.NoError(t, os.WriteFile(shards.App.MapFile, content, 0o600))
	before := memory()
	goroutines := runtime.NumGoroutine()
	r, err := router.New(shards.App.As("test"))
	require.NoError(t, err)
	defer r.Close()
	t.Logf("256 pools without connections: %.1f KiB and %d goroutine(s) each", float64(memory()-before)/256/1024, (runtime.NumGoroutine()-goroutines)/256)
}

func sized(t *testing.T, s settings.Shards, clients int, application string) *router.Router {
	t.Helper()
	options := s.As(application)
	options.Pool, options.ConnectTimeout, options.StatementTimeout = clients, time.Minute, time.Minute
	r, err := router.New(options)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r
}

// opened opens all connections of a pool and measures what they cost idle and used.
func opened(t *testing.T, server *pgtest.Server, s settings.Shards, clients int) *router.Router {
	t.Helper()
	r := sized(t, s, clients, "direct")
	_, pool := r.For(0)
	before, goroutines := memory(), runtime.NumGoroutine()
	began := time.Now()
	each := func(do func(*pgxpool.Conn)) {
		var held []*pgxpool.Conn
		for range clients {
			conn, err := pool.Acquire(t.Context())
			require.NoError(t, err)
			do(conn)
			held = append(held, conn)
		}
		for _, conn := range held {
			conn.Release()
		}
	}
	each(func(*pgxpool.Conn) {})
	took := time.Since(began)
	idle, client := backends(t, server, "direct"), memory()-before
	each(func(conn *pgxpool.Conn) {
		_, err := conn.Exec(t.Context(), "SELECT name, email, version FROM scalestack.readable($1) LEFT JOIN accounts ON user_id = $1", 1)
		require.NoError(t, err)
		_, err = conn.Exec(t.Context(), "SELECT scalestack.hold($1)", 1)
		require.NoError(t, err)
	})
	used := backends(t, server, "direct")
	n := float64(clients)
	t.Logf("%d connections: %s to open one; own memory of a server process %.2f MiB idle, %.2f MiB after a read and a hold; of the client %.1f KiB idle, %.1f KiB used; goroutines %d",
		clients, bench.Round(took/time.Duration(clients)), mib(idle)/n, mib(used)/n, float64(client)/n/1024, float64(memory()-before)/n/1024, runtime.NumGoroutine()-goroutines)
	return r
}

func compareConnections(t *testing.T, clients int, routers ...*router.Router) {
	t.Helper()
	names := []string{"direct", "direct, nothing prepared", "PgBouncer"}
	var sides []bench.Side
	for i, r := range routers {
		store := accounts.NewStore(r)
		sides = append(sides, bench.Side{Name: names[i], Do: func(ctx context.Context, n int) error {
			id := int64(n) * 7919 % connectionUsers
			if n%10 == 0 {
				_, _, err := store.Put(ctx, id, ada)
				return err
			}
			_, _, err := store.Get(ctx, id)
			return err
		}})
	}
	plan := bench.Plan{Rounds: connectionRounds, Operations: connectionTurn, Clients: clients}
	results, err := bench.Alternate(t.Context(), plan, sides...)
	require.NoError(t, err)
	var text strings.Builder
	report := bench.Compare(fmt.Sprintf("%d clients, each with a connection: nine reads and a write", clients), results)
	require.NoError(t, report.WithRates("operations/s", 1, clients, results).WriteText(&text))
	t.Log(text.String())
}

// backends returns the memory of their own that the server processes of some clients have.
func backends(t *testing.T, server *pgtest.Server, application string) (list []int64) {
	t.Helper()
	conn := server.Admin("postgres")
	defer conn.Close(context.Background())
	rows, err := conn.Query(t.Context(), "SELECT pid FROM pg_stat_activity WHERE application_name = $1", application)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var pid int
		require.NoError(t, rows.Scan(&pid))
		list = append(list, own(t, pid))
	}
	require.NoError(t, rows.Err())
	return list
}

// own is a process's memory that no other process shares, in bytes.
func own(t *testing.T, pid int) (total int64) {
	t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	require.NoError(t, err)
	for line := range bytes.Lines(content) {
		var kib int64
		if fields := strings.Fields(string(line)); len(fields) == 3 && strings.HasPrefix(fields[0], "Private_") {
			kib, err = strconv.ParseInt(fields[1], 10, 64)
			require.NoError(t, err)
		}
		total += kib << 10
	}
	return total
}

func mib(list []int64) float64 {
	var total int64
	for _, bytes := range list {
		total += bytes
	}
	return float64(total) / (1 << 20)
}
