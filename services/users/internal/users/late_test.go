package users_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/scalestack/scalestack/services/users/internal/profilecache"
	"github.com/scalestack/scalestack/services/users/internal/shardtest"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/scalestack/scalestack/sharding/shardmap"
	engine "github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
)

// through puts a proxy before the first shard, for routers that are made after it.
func through(t *testing.T, shards *pgtest.Shards) *pgtest.Proxy {
	t.Helper()
	proxy := pgtest.StartProxy(t, shards.Map.Shards[0].Port)
	next := *shards.Map
	next.Generation++
	next.Shards = append([]shardmap.Shard(nil), next.Shards...)
	next.Shards[0].Port = proxy.Port
	shards.Write(&next)
	return proxy
}

// A write whose answer was lost may be made after its caller was told so, here because
// it waits for a lock. No events repair the cache.
func TestAChangeThatIsMadeAfterItsInvalidation(t *testing.T) {
	shards, direct := shardtest.Start(t, 1)
	proxy := through(t, shards)
	server := miniredis.RunT(t)
	service := func(r *router.Router) *users.Service {
		client := redis.NewClient(&redis.Options{Addr: server.Addr()})
		t.Cleanup(func() { _ = client.Close() })
		cache := profilecache.New(profilecache.One(client), profilecache.Options{TTL: time.Hour, NegativeTTL: time.Minute, FillTimeout: 5 * time.Second,
			Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler)})
		return users.NewService(users.NewStore(r, users.StoreOptions{}), cache, 5*time.Second)
	}
	reader, writer := service(direct), service(engine.Router(t, shards))
	const id = 7
	_, _, err := writer.Put(t.Context(), id, ada)
	require.NoError(t, err)
	version := func() int64 {
		t.Helper()
		answer, err := reader.Get(t.Context(), id)
		require.NoError(t, err)
		return answer.User.Version
	}
	require.EqualValues(t, 1, version())

	locking, err := shards.Servers[0].Admin(pgtest.Database(0)).Begin(t.Context())
	require.NoError(t, err)
	_, err = locking.Exec(t.Context(), "SELECT FROM users FOR UPDATE")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, _, err := writer.Put(ctx, id, users.Profile{Name: "Eve", Email: "eve@example.com"})
		ended <- err
	}()
	require.Eventually(t, func() bool {
		return shards.Servers[0].Count(pgtest.Database(0), "SELECT count(*) FROM pg_locks WHERE NOT granted") > 0
	}, 5*time.Second, 5*time.Millisecond)
	proxy.Freeze() // No cancellation arrives.
	var unavailable *router.UnavailableError
	require.ErrorAs(t, <-ended, &unavailable)
	require.True(t, unavailable.Unknown)
	require.EqualValues(t, 1, version())

	require.NoError(t, locking.Commit(t.Context()))
	require.Eventually(t, func() bool {
		return shards.Servers[0].Count(pgtest.Database(0), "SELECT version FROM users") == 2
	}, 5*time.Second, 5*time.Millisecond)
	require.EqualValues(t, 2, version())

	server.FastForward(time.Minute)
	for range 2 {
		require.EqualValues(t, 2, version())
	}
	require.Contains(t, server.Keys(), "user_profile:7")
	entry, err := server.Get("user_profile:7")
	require.NoError(t, err)
	require.Contains(t, entry, "eve@example.com", "the cache is in use again")
}
