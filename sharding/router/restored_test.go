package router_test

import (
	"errors"
	"testing"

	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
)

// A shard that was restored from before a move is refused by clients that know
// of the move, and by those that begin.
func TestAShardRestoredFromBeforeAMove(t *testing.T) {
	direct(t)
	shards, r, store := start(t, 2)
	put(t, store, 4)
	shardtest.Move(shards, 4, 0, 1)
	_, shard := put(t, store, 4)
	require.Equal(t, "shard-1", shard)
	get := func(id int64) {
		t.Helper()
		_, _, err := store.Get(t.Context(), id)
		require.NoError(t, err)
	}
	// Whoever connects to the new owner learns of the move.
	shards.Servers[1].Exec("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test'")
	get(4)

	shards.Servers[0].Exec(pgtest.Database(0), "UPDATE scalestack.ownership SET state = 'owned', epoch = 1, owner = 0 WHERE bucket = 4")
	shards.Servers[0].Exec("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test'")
	_, _, err := store.Get(t.Context(), 0)
	var restored *router.RestoredError
	require.ErrorAs(t, err, &restored)
	require.Equal(t, 4, restored.Bucket)
	require.Equal(t, 1, restored.Owner)

	second, err := newRouter(shards.App)
	require.NoError(t, err)
	defer second.Close()
	err = second.Verify(t.Context())
	// Which of the two it is depends on which shard answers first.
	var twice *router.OwnedTwiceError
	require.True(t, errors.As(err, &restored) || errors.As(err, &twice), "%v", err)

	shards.Servers[0].Exec(pgtest.Database(0), "UPDATE scalestack.ownership SET state = 'moved', epoch = 3, owner = 1 WHERE bucket = 4")
	require.NoError(t, r.Verify(t.Context()))
	put(t, store, 0)
}

// What is known of two owners is not forgotten because one of them gives no answer.
func TestTwoOwnersOfWhichOneIsDown(t *testing.T) {
	direct(t)
	shards, _, store := start(t, 2)
	put(t, store, 4)
	shardtest.Move(shards, 4, 0, 1)
	const restored = "UPDATE scalestack.ownership SET state = 'owned', epoch = 1, owner = 0 WHERE bucket = 4"
	shards.Servers[0].Exec(pgtest.Database(0), restored)

	second, err := newRouter(shards.App)
	require.NoError(t, err)
	defer second.Close()
	other := accounts.NewStore(second)
	put(t, other, 0) // Its connection to shard 0 comes first.
	refused := func() {
		t.Helper()
		var twice *router.OwnedTwiceError
		require.ErrorAs(t, second.Verify(t.Context()), &twice)
		require.Equal(t, []int{4}, twice.Buckets)
		_, _, err := other.Put(t.Context(), 4, ada)
		require.ErrorAs(t, err, &twice)
		put(t, other, 0)
	}
	refused()
	shards.Servers[1].Stop()
	refused()
	refused()

	shards.Servers[1].Run()
	shards.Servers[0].Exec(pgtest.Database(0), "UPDATE scalestack.ownership SET state = 'moved', epoch = 3, owner = 1 WHERE bucket = 4")
	require.NoError(t, second.Verify(t.Context()))
	_, shard := put(t, other, 4)
	require.Equal(t, "shard-1", shard)
}
