package profilecache

import (
	"context"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/redis/go-redis/v9"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/stretchr/testify/require"
)

func newCache(t *testing.T) (*Cache, *miniredis.Miniredis) {
	t.Helper()
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1, DialerRetries: 1})
	t.Cleanup(func() { _ = client.Close() })
	return New(client, Options{TTL: time.Hour, NegativeTTL: 10 * time.Second, FillTimeout: 5 * time.Second,
		Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler)}), server
}

func user(id, version int64) *users.User {
	return &users.User{ID: id, Name: "Ada", Email: "ada@example.com", Version: version,
		CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), UpdatedAt: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)}
}

func TestProfileComesBackUnderItsKey(t *testing.T) {
	for _, id := range []int64{0, -1, math.MinInt64, math.MaxInt64} {
		cache, server := newCache(t)
		require.Equal(t, users.Cached{}, cache.Get(t.Context(), id))
		cache.Fill(t.Context(), id, user(id, 3))
		require.Equal(t, users.Cached{Known: true, User: user(id, 3)}, cache.Get(t.Context(), id))
		require.Equal(t, []string{key(id)}, server.Keys())
	}
	require.Equal(t, "user_profile:-9223372036854775808", key(math.MinInt64))
}

func TestLifeOfAnEntryVaries(t *testing.T) {
	cache, server := newCache(t)
	seen := map[time.Duration]bool{}
	for id := range int64(100) {
		cache.Fill(t.Context(), id, user(id, 1))
		ttl := server.TTL(key(id))
		require.GreaterOrEqual(t, ttl, 54*time.Minute)
		require.LessOrEqual(t, ttl, 66*time.Minute)
		seen[ttl] = true
	}
	require.Greater(t, len(seen), 90)
	cache.Fill(t.Context(), 100, nil)
	require.Equal(t, 10*time.Second, server.TTL(key(100)))
}

func TestVersionGuard(t *testing.T) {
	known := func(u *users.User) users.Cached { return users.Cached{Known: true, User: u} }
	var unknown users.Cached
	fill := func(u *users.User) func(*Cache) {
		return func(c *Cache) { c.Fill(context.Background(), 1, u) }
	}
	invalidate := func(version int64) func(*Cache) {
		return func(c *Cache) { c.Invalidate(context.Background(), 1, version) }
	}
	tests := map[string]struct {
		steps []func(*Cache)
		want  users.Cached
	}{
		"newer over older":                  {[]func(*Cache){fill(user(1, 1)), fill(user(1, 2))}, known(user(1, 2))},
		"older over newer":                  {[]func(*Cache){fill(user(1, 10)), fill(user(1, 9))}, known(user(1, 10))},
		"change, then the old one":          {[]func(*Cache){fill(user(1, 1)), invalidate(2), fill(user(1, 1))}, unknown},
		"change, then the new one":          {[]func(*Cache){invalidate(2), fill(user(1, 2))}, known(user(1, 2))},
		"invalidation after the new one":    {[]func(*Cache){fill(user(1, 2)), invalidate(2)}, known(user(1, 2))},
		"twice, then the new one":           {[]func(*Cache){invalidate(2), invalidate(2), fill(user(1, 2))}, known(user(1, 2))},
		"late invalidation":                 {[]func(*Cache){fill(user(1, 3)), invalidate(2)}, known(user(1, 3))},
		"created":                           {[]func(*Cache){fill(nil), invalidate(1)}, unknown},
		"created, then the old absence":     {[]func(*Cache){invalidate(1), fill(nil)}, unknown},
		"absence over a profile":            {[]func(*Cache){fill(user(1, 1)), fill(nil)}, known(user(1, 1))},
		"unknown outcome blocks every fill": {[]func(*Cache){fill(user(1, 1)), invalidate(users.UnknownVersion), fill(user(1, 2))}, unknown},
		"absent":                            {[]func(*Cache){fill(nil)}, known(nil)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cache, _ := newCache(t)
			for _, step := range test.steps {
				step(cache)
			}
			require.Equal(t, test.want, cache.Get(t.Context(), 1))
		})
	}
}

func TestMarkOutlivesFillsAndThenGoes(t *testing.T) {
	cache, server := newCache(t)
	cache.Invalidate(t.Context(), 1, 2)
	require.Greater(t, server.TTL(key(1)), 2*cache.options.FillTimeout)
	server.FastForward(time.Minute)
	require.Empty(t, server.Keys())
}

func TestDamagedEntriesAreMissesAndReplaced(t *testing.T) {
	for _, entry := range []string{"", "x", "1", "1 ", "1 {", `2 {"id":1,"version":1}`, `1 {"id":2,"version":1}`, "9999999999999999999999 {}"} {
		cache, server := newCache(t)
		require.NoError(t, server.Set(key(1), entry))
		require.Equal(t, users.Cached{}, cache.Get(t.Context(), 1), entry)
	}
	cache, server := newCache(t)
	require.NoError(t, server.Set(key(1), "foreign"))
	cache.Fill(t.Context(), 1, user(1, 1))
	require.NotNil(t, cache.Get(t.Context(), 1).User)
}

func TestFailureIsAMissAndRests(t *testing.T) {
	cache, server := newCache(t)
	cache.Fill(t.Context(), 1, user(1, 1))
	server.SetError("LOADING")
	require.Equal(t, users.Cached{}, cache.Get(t.Context(), 1))
	server.SetError("")
	require.Equal(t, users.Cached{}, cache.Get(t.Context(), 1), "Redis is left alone after a failure")
	var skipped dto.Metric
	require.NoError(t, cache.metrics.lookups.WithLabelValues("skipped").Write(&skipped))
	require.InDelta(t, 1, skipped.GetCounter().GetValue(), 0)
	require.Eventually(t, func() bool { return cache.Get(t.Context(), 1).Known }, 5*time.Second, 10*time.Millisecond)
}

func TestLostInvalidationIsRepaired(t *testing.T) {
	cache, server := newCache(t)
	cache.Fill(t.Context(), 1, user(1, 1))
	server.SetError("down")
	cache.Invalidate(t.Context(), 1, 2)
	server.SetError("")
	cache.restUntil.Store(0)
	require.Equal(t, users.Cached{}, cache.Get(t.Context(), 1), "this process knows already")

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go cache.Repair(ctx, time.Millisecond)
	require.Eventually(t, func() bool {
		entry, err := server.Get(key(1))
		return err == nil && entry == "2 stale"
	}, 5*time.Second, time.Millisecond)
}

func TestPendingIsBoundedAndKeepsTheNewest(t *testing.T) {
	var p pending
	for id := range int64(maxPending) {
		require.True(t, p.add(id, 1))
	}
	require.False(t, p.add(maxPending, 1))
	require.True(t, p.add(0, 5))
	require.True(t, p.add(0, 4))
	p.done(0, 1)
	require.EqualValues(t, 5, p.all()[0])
	p.done(0, 5)
	require.False(t, p.has(0))
}
