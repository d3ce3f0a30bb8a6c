package reshard_test

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/scalestack/scalestack/sharding/settings"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
)

const buckets = 60

// cluster is some real servers, of which the first two own everything at first.
type cluster struct {
	*pgtest.Shards
	t *testing.T
}

func startCluster(t *testing.T, servers, users int) *cluster {
	t.Helper()
	return clusterOf(t, pgtest.StartShards(t, servers), users)
}

func clusterOf(t *testing.T, shards *pgtest.Shards, users int) *cluster {
	t.Helper()
	c := &cluster{shards, t}
	c.Map.Buckets, c.Map.InitialShards, c.Map.Assignment = buckets, 2, shardmap.Base(buckets, 2)
	c.Write(c.Map)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	shardtest.Migrate(t, ctx, c.Shards, accounts.Schema())
	for id := range 2 {
		c.Servers[id].Exec(pgtest.Database(id), `
			INSERT INTO accounts (user_id, name, email)
			SELECT id, 'Seeded ' || id, id || '@example.com' FROM generate_series(-$1::bigint / 2, $1::bigint / 2 - 1) AS id
			WHERE abs(id) % 2 = $2`, users, id)
	}
	return c
}

func (c *cluster) connect(shard *shardmap.Shard) (*pgx.ConnConfig, error) {
	return c.Admin.As("test").ConnConfig(shard)
}

// desired returns the map after a change to so many shards.
func (c *cluster) desired(shards int, drain ...int) *shardmap.Map {
	c.t.Helper()
	assignment, err := shardmap.Desired(shardmap.Spec{Buckets: buckets, InitialShards: 2, Shards: shards, Drain: drain})
	require.NoError(c.t, err)
	next := *c.Map
	next.Assignment = assignment
	return &next
}

func (c *cluster) options(m *shardmap.Map) reshard.Options {
	return reshard.Options{Map: m, Connect: c.connect, Batch: 10, Observe: 100 * time.Millisecond, Patience: time.Minute, Log: testLog()}
}

func testLog() *slog.Logger {
	if testing.Verbose() {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.DiscardHandler)
}

func (c *cluster) run(o reshard.Options) error {
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Minute)
	defer cancel()
	return reshard.New(o).Run(ctx)
}

func (c *cluster) store() *accounts.Store {
	c.t.Helper()
	return c.storeOn(c.App)
}

func (c *cluster) storeOn(s settings.Shards) *accounts.Store {
	c.t.Helper()
	return accounts.NewStore(c.routerOn(s))
}

func (c *cluster) routerOn(s settings.Shards) *router.Router {
	c.t.Helper()
	options := s.As("load")
	options.Pool = 8
	r, err := router.New(options)
	require.NoError(c.t, err)
	c.t.Cleanup(r.Close)
	return r
}

// requireClean finds whatever a move could leave behind, and data that is not
// where the ownership says.
func (c *cluster) requireClean() {
	c.t.Helper()
	for id, server := range c.Servers {
		conn := server.Admin(pgtest.Database(id))
		zero := func(what, sql string) {
			c.t.Helper()
			var found int
			require.NoError(c.t, conn.QueryRow(context.Background(), sql).Scan(&found))
			require.Zero(c.t, found, "shard %d: %s", id, what)
		}
		zero("slots", "SELECT count(*) FROM pg_replication_slots")
		zero("publications", "SELECT count(*) FROM pg_publication")
		zero("subscriptions", "SELECT count(*) FROM pg_subscription")
		zero("origins", "SELECT count(*) FROM pg_replication_origin")
		zero("fences", "SELECT count(*) FROM scalestack.ownership WHERE state = 'fenced'")
		zero("open moves", "SELECT count(*) FROM scalestack.move WHERE state NOT IN ('complete', 'aborted', 'rolled back')")
		zero("foreign rows", `SELECT count(*) FROM accounts WHERE NOT EXISTS (
			SELECT FROM scalestack.ownership WHERE bucket = scalestack.bucket_of(user_id) AND state = 'owned')`)
		require.NoError(c.t, conn.Close(context.Background()))
	}
}

// owners returns the assignment that the shards describe; every bucket must
// have one owner.
func (c *cluster) owners() []int {
	c.t.Helper()
	owners := slices.Repeat([]int{-1}, buckets)
	for id, server := range c.Servers {
		conn := server.Admin(pgtest.Database(id))
		rows, err := conn.Query(c.t.Context(), "SELECT bucket FROM scalestack.ownership WHERE state = 'owned' AND owner = $1", id)
		require.NoError(c.t, err)
		owned, err := pgx.CollectRows(rows, pgx.RowTo[int])
		require.NoError(c.t, err)
		require.NoError(c.t, conn.Close(c.t.Context()))
		for _, bucket := range owned {
			require.Equal(c.t, -1, owners[bucket], "bucket %d has two owners", bucket)
			owners[bucket] = id
		}
	}
	require.NotContains(c.t, owners, -1, "a bucket has no owner")
	return owners
}

func (c *cluster) rows() (all int) {
	for id, server := range c.Servers {
		all += server.Count(pgtest.Database(id), "SELECT count(*) FROM accounts")
	}
	return all
}

func (c *cluster) dumpLogs() {
	for id, server := range c.Servers {
		c.t.Logf("server %d:\n%s", id, server.Log())
	}
}
