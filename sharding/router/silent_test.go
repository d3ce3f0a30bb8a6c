package router_test

import (
	"context"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
)

// behindProxy runs one shard behind a proxy, and a router with two connections to it.
func behindProxy(t *testing.T, connectTimeout time.Duration) (*pgtest.Proxy, *router.Router) {
	t.Helper()
	shards := pgtest.StartShards(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	shardtest.Migrate(t, ctx, shards, accounts.Schema())
	proxy := pgtest.StartProxy(t, shards.Map.Shards[0].Port)
	through(shards, 0, proxy.Port)
	shards.App.ConnectTimeout = connectTimeout
	r, err := newRouter(shards.App)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	require.NoError(t, r.Verify(ctx))
	return proxy, r
}

// A pool must not be full of connections to a shard that is silent for as long as pgx
// waits for their cancellation, 15 s each.
func TestASilentShardGivesTheConnectionsBack(t *testing.T) {
	direct(t)
	proxy, r := behindProxy(t, 300*time.Millisecond)
	proxy.Freeze()
	for range 3 {
		_, err := router.FanOut(t.Context(), r, 100*time.Millisecond, question)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
	require.Eventually(t, func() bool { return r.Connections() == 0 }, 5*time.Second, 10*time.Millisecond)
	proxy.Thaw()
	_, err := router.FanOut(t.Context(), r, time.Minute, question)
	require.NoError(t, err)
}

// Beginning the transaction, asking who owns what and the question are one trip.
func TestAQuestionIsOneRoundTrip(t *testing.T) {
	direct(t)
	const trip = 500 * time.Millisecond
	proxy, r := behindProxy(t, time.Minute)
	ask := func() time.Duration {
		began := time.Now()
		_, err := router.FanOut(t.Context(), r, time.Minute, question)
		require.NoError(t, err)
		return time.Since(began)
	}
	ask()
	proxy.Delay(trip)
	require.Less(t, ask(), 2*trip)
}

// A question may be of several statements, or of none, in one snapshot.
func TestAQuestionOfSeveralStatements(t *testing.T) {
	_, r, store := start(t, 2)
	put(t, store, 1)
	answers, err := router.FanOut(t.Context(), r, time.Minute, func(ctx context.Context, s router.Snapshot) (same bool, err error) {
		var first, second string
		if err := s.QueryRow(ctx, "SELECT pg_current_snapshot()::text").Scan(&first); err != nil {
			return false, err
		}
		put(t, store, int64(s.Shard.ID))
		err = s.QueryRow(ctx, "SELECT pg_current_snapshot()::text").Scan(&second)
		return first == second, err
	})
	require.NoError(t, err)
	require.Len(t, answers, 2)
	require.True(t, answers[0].Value && answers[1].Value)
	names, err := router.FanOut(t.Context(), r, time.Minute, func(_ context.Context, s router.Snapshot) (string, error) { return s.Shard.Name, nil })
	require.NoError(t, err)
	require.Equal(t, "shard-1", names[1].Value)
}
