package users_test

import (
	"context"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/shardtest"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/stretchr/testify/require"
)

// TestAShardThatGivesNoAnswerCostsFewCallersTheirTime puts something in a shard's
// place that takes connections and never answers.
func TestAShardThatGivesNoAnswerCostsFewCallersTheirTime(t *testing.T) {
	shards, r := shardtest.Start(t, 2)
	store := users.NewStore(r, users.StoreOptions{Events: true})
	ids := map[int]int64{}
	for id := range int64(64) {
		ids[r.Map().ShardOf(id).ID] = id
	}
	require.NoError(t, store.Answers(t.Context()))
	read := func(id int64) (time.Duration, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, _, err := store.Get(ctx, id)
		return time.Since(began), err
	}
	shards.Servers[1].Kill()
	shard := r.Map().Shard(1)
	hole, err := net.Listen("tcp", net.JoinHostPort(shard.Host, strconv.Itoa(shard.Port)))
	require.NoError(t, err)
	// A killed server's session answers until it notices, and the first error may only be
	// the connection's end.
	require.Eventually(t, func() bool { _, err := read(ids[1]); return err != nil }, 10*time.Second, time.Millisecond)
	for range 4 {
		took, err := read(ids[1])
		require.Error(t, err)
		require.Greater(t, took, 250*time.Millisecond)
	}
	var unavailable *router.UnavailableError
	took, err := read(ids[1])
	require.ErrorAs(t, err, &unavailable)
	require.Equal(t, "shard-1", unavailable.Shard)
	require.ErrorContains(t, err, "not tried")
	require.Less(t, took, 50*time.Millisecond)
	_, err = read(ids[0])
	require.NoError(t, err, "the other shard is not concerned")
	require.NoError(t, store.Answers(t.Context()), "one shard is enough to be ready")

	require.NoError(t, hole.Close())
	shards.Servers[1].Run()
	require.Eventually(t, func() bool { _, err := read(ids[1]); return err == nil }, time.Minute, 200*time.Millisecond)
}

func TestNoShardAnswers(t *testing.T) {
	shards, r := shardtest.Start(t, 1)
	shards.Servers[0].Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	require.Error(t, users.NewStore(r, users.StoreOptions{Events: true}).Answers(ctx))
}
