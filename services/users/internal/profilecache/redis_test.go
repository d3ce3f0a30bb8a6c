package profilecache_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalestack/scalestack/services/users/internal/profilecache"
	"github.com/scalestack/scalestack/services/users/internal/redistest"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/stretchr/testify/require"
)

// TestARedisThatForgets fills a real one until it evicts, and empties it, between
// the lease and the answer.
func TestARedisThatForgets(t *testing.T) {
	address := redistest.Start(t)
	admin := redistest.Client(t, address)
	servers := profilecache.NewServers(address, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	defer servers.Close()
	cache := profilecache.New(servers, profilecache.Options{TTL: time.Hour, NegativeTTL: time.Minute, FillTimeout: 10 * time.Second,
		Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler)})
	user := func(version int64) *users.User { return &users.User{ID: 1, Version: version} }
	stays := func(happens func()) {
		t.Helper()
		require.NoError(t, admin.FlushAll(t.Context()).Err())
		_, lease := cache.Lease(t.Context(), 1)
		require.NotEmpty(t, lease)
		cache.Invalidate(t.Context(), 1, 2)
		happens()
		cache.Fill(t.Context(), 1, lease, user(1))
		require.Equal(t, users.Cached{}, cache.Get(t.Context(), 1))
		_, lease = cache.Lease(t.Context(), 1)
		cache.Fill(t.Context(), 1, lease, user(2))
		require.Equal(t, user(2), cache.Get(t.Context(), 1).User)
	}
	stays(func() {})
	stays(func() { require.NoError(t, admin.FlushAll(t.Context()).Err()) })
	require.NoError(t, admin.ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err())
	require.NoError(t, admin.ConfigSet(t.Context(), "maxmemory", "3mb").Err())
	stays(func() {
		for n := 0; admin.Exists(t.Context(), "user_profile:1").Val() == 1; n++ {
			require.Less(t, n, 100_000)
			require.NoError(t, admin.Set(t.Context(), fmt.Sprint("user_profile:x", n), make([]byte, 4096), 0).Err())
		}
	})
}
