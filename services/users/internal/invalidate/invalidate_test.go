package invalidate_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/scalestack/scalestack/services/users/internal/consumer"
	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/invalidate"
	"github.com/scalestack/scalestack/services/users/internal/profilecache"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/stretchr/testify/require"
)

func newCache(t *testing.T) (*profilecache.Cache, *miniredis.Miniredis) {
	t.Helper()
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1, DialerRetries: 1})
	t.Cleanup(func() { _ = client.Close() })
	return profilecache.New(profilecache.One(client), profilecache.Options{TTL: time.Hour, NegativeTTL: time.Minute, FillTimeout: time.Second,
		Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler)}), server
}

func event(kind string, version int64) *events.Event {
	return &events.Event{Type: kind, UserID: 7, Schema: events.UserSchema, Data: fmt.Appendf(nil, `{"user_id": 7, "version": %d}`, version)}
}

func TestNothingOlderIsServedAfterwards(t *testing.T) {
	cache, _ := newCache(t)
	handle := invalidate.Handler(cache)
	consume := func(kind string, version int64) {
		t.Helper()
		outcome, err := handle(t.Context(), event(kind, version))
		require.NoError(t, err)
		require.Equal(t, consumer.Done, outcome)
	}
	cached := func() users.Cached { return cache.Get(t.Context(), 7) }

	fill := func(user *users.User) {
		_, lease := cache.Lease(t.Context(), 7)
		cache.Fill(t.Context(), 7, lease, user)
	}
	fill(nil)
	require.True(t, cached().Known)
	consume(events.UserCreated, 1)
	require.False(t, cached().Known, "the absence")

	fill(&users.User{ID: 7, Version: 1})
	consume(events.UserUpdated, 2)
	require.False(t, cached().Known)
	_, late := cache.Lease(t.Context(), 7)
	consume(events.UserUpdated, 2)
	cache.Fill(t.Context(), 7, late, &users.User{ID: 7, Version: 1})
	require.False(t, cached().Known, "from a reader that is late")

	fill(&users.User{ID: 7, Version: 5})
	consume(events.UserUpdated, 3)
	consume(events.UserUpdated, 2)
	require.EqualValues(t, 5, cached().User.Version, "late events do not remove what is newer")
	consume(events.UserDeleted, 6)
	require.False(t, cached().Known)
}

func TestWhatItLeavesAlone(t *testing.T) {
	cache, server := newCache(t)
	outcome, err := invalidate.Handler(cache)(t.Context(), event(events.ProductCreated, 1))
	require.NoError(t, err)
	require.Equal(t, consumer.Skipped, outcome)
	require.Empty(t, server.Keys())
}

func TestACacheThatIsDown(t *testing.T) {
	cache, server := newCache(t)
	server.SetError("LOADING")
	_, err := invalidate.Handler(cache)(t.Context(), event(events.UserUpdated, 2))
	require.EqualError(t, err, "cache: LOADING")
	e := event(events.UserUpdated, 2)
	e.Data = []byte(`{"user_id": 7, "version": 2.0}`)
	_, err = invalidate.Handler(cache)(t.Context(), e)
	var format *events.FormatError
	require.ErrorAs(t, err, &format)
}
