package profilecache

import (
	"context"
	"log/slog"
	"math"
	"strings"
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
	return New(One(client), Options{TTL: time.Hour, NegativeTTL: 10 * time.Second, FillTimeout: 5 * time.Second,
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
		fill(t, cache, id, user(id, 3))
		require.Equal(t, users.Cached{Known: true, User: user(id, 3)}, cache.Get(t.Context(), id))
		require.Equal(t, []string{key(id)}, server.Keys())
	}
	require.Equal(t, "user_profile:-9223372036854775808", key(math.MinInt64))
}

func TestLifeOfAnEntryVaries(t *testing.T) {
	cache, server := newCache(t)
	seen := map[time.Duration]bool{}
	for id := range int64(100) {
		fill(t, cache, id, user(id, 1))
		ttl := server.TTL(key(id))
		require.GreaterOrEqual(t, ttl, 54*time.Minute)
		require.LessOrEqual(t, ttl, 66*time.Minute)
		seen[ttl] = true
	}
	require.Greater(t, len(seen), 90)
	fill(t, cache, 100, nil)
	require.Equal(t, 10*time.Second, server.TTL(key(100)))
}

func fill(t *testing.T, cache *Cache, id int64, user *users.User) {
	t.Helper()
	_, lease := cache.Lease(t.Context(), id)
	require.NotEmpty(t, lease)
	cache.Fill(t.Context(), id, lease, user)
}

func TestInvalidation(t *testing.T) {
	known := func(u *users.User) users.Cached { return users.Cached{Known: true, User: u} }
	var unknown users.Cached
	tests := map[string]struct {
		filled  *users.User
		version int64
		want    users.Cached
	}{
		"older profile":            {user(1, 1), 2, unknown},
		"more digits":              {user(1, 9), 10, unknown},
		"the same version":         {user(1, 2), 2, known(user(1, 2))},
		"newer profile":            {user(1, 10), 9, known(user(1, 10))},
		"beyond a double":          {user(1, 1<<53+2), 1<<53 + 1, known(user(1, 1<<53+2))},
		"beyond a double, older":   {user(1, 1<<53), 1<<53 + 1, unknown},
		"absence":                  {nil, 1, unknown},
		"of an unknown version":    {user(1, 5), users.UnknownVersion, unknown},
		"of absence, also unknown": {nil, users.UnknownVersion, unknown},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cache, _ := newCache(t)
			fill(t, cache, 1, test.filled)
			cache.Invalidate(t.Context(), 1, test.version)
			require.Equal(t, test.want, cache.Get(t.Context(), 1))
			if !test.want.Known && test.version != users.UnknownVersion {
				fill(t, cache, 1, user(1, test.version))
				require.EqualValues(t, test.version, cache.Get(t.Context(), 1).User.Version, "the next answer is taken")
			}
		})
	}
}

// TestALateAnswerIsNeverStored takes a lease, as a reader does before it asks the
// database, and lets something happen before the answer comes.
func TestALateAnswerIsNeverStored(t *testing.T) {
	invalidate := func(version int64) func(*Cache, *miniredis.Miniredis) {
		return func(c *Cache, _ *miniredis.Miniredis) { c.Invalidate(context.Background(), 1, version) }
	}
	flush := func(_ *Cache, m *miniredis.Miniredis) { m.FlushAll() }
	wait := func(d time.Duration) func(*Cache, *miniredis.Miniredis) {
		return func(_ *Cache, m *miniredis.Miniredis) { m.FastForward(d) }
	}
	lease := func(c *Cache, _ *miniredis.Miniredis) { c.Lease(context.Background(), 1) }
	type steps []func(*Cache, *miniredis.Miniredis)
	for name, happens := range map[string]steps{
		"a change":                                {invalidate(2)},
		"a change of unknown version":             {invalidate(users.UnknownVersion)},
		"an unknown one, then a known one":        {invalidate(users.UnknownVersion), invalidate(3)},
		"a change, and the mark is evicted":       {invalidate(2), flush},
		"a flush, then a change":                  {flush, invalidate(2)},
		"a flush, and another reader":             {flush, lease},
		"a change, and another reader":            {invalidate(2), lease},
		"a change, a flush and another reader":    {invalidate(2), flush, lease},
		"the mark's whole life":                   {invalidate(users.UnknownVersion), wait(59 * time.Second), invalidate(3), wait(2 * time.Second)},
		"the lease's whole life":                  {wait(time.Minute)},
		"the lease's whole life, and a new lease": {wait(time.Minute), lease},
	} {
		t.Run(name, func(t *testing.T) {
			cache, server := newCache(t)
			_, held := cache.Lease(t.Context(), 1)
			require.NotEmpty(t, held)
			for _, step := range happens {
				step(cache, server)
			}
			cache.Fill(t.Context(), 1, held, user(1, 1))
			require.Equal(t, users.Cached{}, cache.Get(t.Context(), 1))
			server.FastForward(time.Minute)
			fill(t, cache, 1, user(1, 4))
			require.Equal(t, user(1, 4), cache.Get(t.Context(), 1).User)
		})
	}
}

// A change of unknown outcome may be made a while after its invalidation: what is read
// meanwhile is not stored, also when it is known to be later than another change.
func TestAnUnsettledChangeKeepsAnswersOut(t *testing.T) {
	cache, server := newCache(t)
	fill(t, cache, 1, user(1, 1))
	cache.Invalidate(t.Context(), 1, users.UnknownVersion)
	out := func() {
		t.Helper()
		cached, lease := cache.Lease(t.Context(), 1)
		require.Equal(t, users.Cached{}, cached)
		require.Empty(t, lease)
		require.Equal(t, users.Cached{}, cache.Get(t.Context(), 1))
	}
	out()
	cache.Invalidate(t.Context(), 1, 2)
	out()
	server.FastForward(59 * time.Second)
	out()
	cache.Invalidate(t.Context(), 1, users.UnknownVersion)
	server.FastForward(59 * time.Second)
	out()
	server.FastForward(time.Second)
	fill(t, cache, 1, user(1, 3))
	require.Equal(t, user(1, 3), cache.Get(t.Context(), 1).User)
}

func TestReadersThatMissTogetherShareALease(t *testing.T) {
	cache, server := newCache(t)
	_, first := cache.Lease(t.Context(), 1)
	server.FastForward(9 * time.Second)
	_, second := cache.Lease(t.Context(), 1)
	require.Equal(t, first, second)
	server.FastForward(9 * time.Second)
	cache.Fill(t.Context(), 1, first, user(1, 1))
	cache.Fill(t.Context(), 1, second, user(1, 1))
	cached, none := cache.Lease(t.Context(), 1)
	require.Equal(t, user(1, 1), cached.User)
	require.Empty(t, none)
	cache.Fill(t.Context(), 1, none, user(1, 0))
	require.Equal(t, user(1, 1), cache.Get(t.Context(), 1).User)
}

// A mark of the former release, and its late answer, beside a lease of this one.
func TestMarksOfTheFormerRelease(t *testing.T) {
	cache, server := newCache(t)
	cache.Invalidate(t.Context(), 1, 7)
	entry, err := server.Get(key(1))
	require.NoError(t, err)
	require.Equal(t, "7 stale", entry)
	_, lease := cache.Lease(t.Context(), 1)
	require.True(t, strings.HasPrefix(string(lease), "7 lease "), "it compares the number in front")
}

func TestDamagedEntriesAreMissesAndReplaced(t *testing.T) {
	for _, entry := range []string{"", "x", "1", "1 ", "1 {", `2 {"id":1,"version":1}`, `1 {"id":2,"version":1}`, "9999999999999999999999 {}"} {
		cache, server := newCache(t)
		require.NoError(t, server.Set(key(1), entry))
		require.Equal(t, users.Cached{}, cache.Get(t.Context(), 1), entry)
	}
	cache, server := newCache(t)
	for _, entry := range []string{"foreign", "1 {", "1 x"} {
		require.NoError(t, server.Set(key(1), entry))
		// The first reader may only find out.
		_, _ = cache.Lease(t.Context(), 1)
		fill(t, cache, 1, user(1, 1))
		require.NotNil(t, cache.Get(t.Context(), 1).User, entry)
		server.FlushAll()
	}
}

func TestFailureIsAMissAndRests(t *testing.T) {
	cache, server := newCache(t)
	fill(t, cache, 1, user(1, 1))
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
	fill(t, cache, 1, user(1, 1))
	server.SetError("down")
	cache.Invalidate(t.Context(), 1, 2)
	server.SetError("")
	cache.servers.all[0].restUntil.Store(0)
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
