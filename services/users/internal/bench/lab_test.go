package bench_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/scalestack/scalestack/services/users/internal/api"
	"github.com/scalestack/scalestack/services/users/internal/profilecache"
	"github.com/scalestack/scalestack/services/users/internal/redistest"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/services/users/internal/shardtest"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/bench"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/stretchr/testify/require"
)

const (
	// operationsVariable is how many operations a turn has in a measurement.
	// Without it the tests only show that measuring works.
	operationsVariable = "SCALESTACK_MEASURE_OPERATIONS"
	// fileVariable may name a file to which results are added as lines of JSON.
	fileVariable = "SCALESTACK_MEASURE_FILE"

	// connections is what a pod has to each shard by default.
	connections = 10
	timeout     = 5 * time.Second
)

// lab is one shard and one cache, both real and of this test alone.
type lab struct {
	*pgtest.Shards
	t     *testing.T
	redis settings.Redis
	// users is how many there are, with ids from 0.
	users int
	// bare and cache reach the servers without anything of the service.
	bare  *pgxpool.Pool
	cache redis.UniversalClient
	// admin may empty the cache.
	admin *redis.Client
}

func startLab(t *testing.T, users int) *lab {
	t.Helper()
	shards, _ := shardtest.Start(t, 1)
	l := &lab{t: t, redis: redistest.Start(t), Shards: shards, users: users}
	l.prepareServer()
	if users > 0 {
		l.exec(`INSERT INTO users (user_id, name, email)
			SELECT id, 'User ' || id, id || '@example.com' FROM generate_series(0, $1::bigint - 1) AS id`, users)
	}
	l.exec("VACUUM ANALYZE users")
	l.bare = l.pool()
	l.admin = redistest.Client(t, l.redis)
	l.cache = l.servers().Clients()[0]
	return l
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func (l *lab) pool() *pgxpool.Pool {
	config, err := pgxpool.ParseConfig("")
	require.NoError(l.t, err)
	config.ConnConfig, err = l.App.As("bare").ConnConfig(&l.Map.Shards[0])
	require.NoError(l.t, err)
	config.MaxConns = connections
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	require.NoError(l.t, err)
	l.t.Cleanup(pool.Close)
	return pool
}

func (l *lab) servers() *profilecache.Servers {
	servers := profilecache.NewServers(l.redis, prometheus.NewRegistry(), quiet())
	l.t.Cleanup(func() { _ = servers.Close() })
	return servers
}

// instance is one pod's worth of the service.
type instance struct {
	router   *router.Router
	profiles users.Cache
	store    *users.Store
	service  *users.Service
	registry *prometheus.Registry
}

// instance starts a service; without a cache of its own choice it has the real one.
func (l *lab) instance(caches ...users.Cache) instance {
	l.t.Helper()
	registry := prometheus.NewRegistry()
	options := l.App.As("service")
	options.Pool, options.Metrics = connections, registry
	shards, err := router.New(options)
	require.NoError(l.t, err)
	l.t.Cleanup(shards.Close)
	if caches == nil {
		caches = []users.Cache{profilecache.New(l.servers(), profilecache.Options{
			TTL: time.Hour, NegativeTTL: 10 * time.Second, FillTimeout: timeout, Metrics: registry, Log: quiet()})}
	}
	store := users.NewStore(shards, users.StoreOptions{Events: true})
	return instance{router: shards, profiles: caches[0], store: store, service: users.NewService(store, caches[0], timeout), registry: registry}
}

// serve offers a service over HTTP.
func (l *lab) serve(s api.Service) (url string) {
	log := slog.New(slog.NewTextHandler(l.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	server := httptest.NewServer(api.New(s, api.Options{Timeout: timeout, MaxRequests: 100, Metrics: prometheus.NewRegistry(), Log: log,
		Access: api.Access{Public: true}}))
	l.t.Cleanup(server.Close)
	return server.URL
}

// forget empties the cache.
func (l *lab) forget(ctx context.Context) error { return l.admin.FlushAll(ctx).Err() }

// prepareServer lets the server itself count statements, whoever sends them, and
// remember when each transaction was committed.
func (l *lab) prepareServer() {
	l.exec("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
	l.exec("ALTER SYSTEM SET track_commit_timestamp = on")
	l.Servers[0].Stop()
	l.Servers[0].Run()
	l.exec("CREATE EXTENSION pg_stat_statements")
}

// exec runs a statement on the shard as its superuser.
func (l *lab) exec(sql string, args ...any) {
	l.t.Helper()
	l.Servers[0].Exec(pgtest.Database(0), sql, args...)
}

// count returns the number that a query of the shard yields.
func (l *lab) count(sql string, args ...any) int {
	l.t.Helper()
	return l.Servers[0].Count(pgtest.Database(0), sql, args...)
}

// queries returns how many statements on users the shard has executed for the
// service's role.
func (l *lab) queries() int {
	return l.count(`SELECT coalesce(sum(calls), 0)::int FROM pg_stat_statements
		WHERE userid = 'svc_users_a'::regrole AND query LIKE '%users%'`)
}

// measuring returns the operations of a turn, and whether the run is to be
// believed.
func measuring(t *testing.T, trial int) (operations int, really bool) {
	text := os.Getenv(operationsVariable)
	if text == "" {
		return trial, false
	}
	operations, err := strconv.Atoi(text)
	require.NoError(t, err, operationsVariable)
	return operations, true
}

func publish(t *testing.T, r bench.Report) {
	t.Helper()
	require.NoError(t, r.WriteText(t.Output()))
	if file := os.Getenv(fileVariable); file != "" {
		require.NoError(t, r.AppendJSON(file))
	}
}

// machine logs how busy the machine is when a measurement begins and when it ends.
func machine(t *testing.T) {
	t.Log(bench.Machine())
	t.Cleanup(func() { t.Log("at the end: " + bench.Machine()) })
}
