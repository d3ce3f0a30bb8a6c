package router_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/stretchr/testify/require"
)

func count(t *testing.T, r *router.Router) (int64, error) {
	t.Helper()
	counts, err := router.FanOut(t.Context(), r, time.Second,
		router.Scalar[int64]("SELECT count(*) FROM accounts WHERE "+r.Owned("user_id")))
	return router.Sum(counts), err
}

func TestFanOut(t *testing.T) {
	shards, r, store := start(t, 2)
	for id := range int64(24) {
		put(t, store, id)
	}
	n, err := count(t, r)
	require.NoError(t, err)
	require.EqualValues(t, 24, n)

	t.Run("rows of others do not count", func(t *testing.T) {
		// What a move leaves for a while: a copy of bucket 4, which shard 0 has.
		shards.Servers[1].Exec(pgtest.Database(1), "SET session_replication_role = replica; INSERT INTO accounts (user_id, name, email) VALUES (4, 'Copy', 'c@example.com')")
		n, err := count(t, r)
		require.NoError(t, err)
		require.EqualValues(t, 24, n)
		found, err := router.FanOut(t.Context(), r, time.Second, router.Select[struct{ UserID int64 }](
			"SELECT user_id FROM accounts WHERE email = $1 AND scalestack.owned(user_id)", "c@example.com"))
		require.NoError(t, err)
		require.Empty(t, router.Concat(found))
	})
	t.Run("a bucket between two owners is waited for", func(t *testing.T) {
		shards.Servers[0].Exec(pgtest.Database(0), "UPDATE scalestack.ownership SET state = 'moved', epoch = 3, owner = 1 WHERE bucket = 4")
		counted := make(chan int64, 1)
		go func() {
			n, err := count(t, r)
			if err != nil {
				n = -1
			}
			counted <- n
		}()
		require.Never(t, func() bool { return len(counted) > 0 }, 200*time.Millisecond, 10*time.Millisecond)
		shards.Servers[1].Exec(pgtest.Database(1), "SET session_replication_role = replica; INSERT INTO accounts (user_id, name, email) VALUES (16, 'Moved', 'm@example.com')")
		shards.Servers[1].Exec(pgtest.Database(1), "INSERT INTO scalestack.ownership (bucket, state, epoch, owner) VALUES (4, 'owned', 4, 1)")
		require.EqualValues(t, 24, <-counted)
	})
	t.Run("and not for ever", func(t *testing.T) {
		shards.Servers[1].Exec(pgtest.Database(1), "UPDATE scalestack.ownership SET state = 'moved', epoch = 5, owner = 0 WHERE bucket = 4")
		defer shards.Servers[1].Exec(pgtest.Database(1), "UPDATE scalestack.ownership SET state = 'owned', epoch = 7, owner = 1 WHERE bucket = 4")
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		counts, err := router.FanOut(ctx, r, time.Second, router.Scalar[int64]("SELECT count(*) FROM accounts WHERE "+r.Owned("user_id")))
		var partial *router.PartialError
		require.ErrorAs(t, err, &partial)
		require.Equal(t, []int{4}, partial.Missing)
		require.EqualError(t, err, "0 of 2 shards gave no answer, 1 buckets are missing")
		require.EqualValues(t, 22, router.Sum(counts))
	})
	t.Run("an answer outlives a repeat without one", func(t *testing.T) {
		shards.Servers[1].Exec(pgtest.Database(1), "UPDATE scalestack.ownership SET state = 'moved', epoch = 9, owner = 0 WHERE bucket = 4")
		defer shards.Servers[1].Exec(pgtest.Database(1), "UPDATE scalestack.ownership SET state = 'owned', epoch = 11, owner = 1 WHERE bucket = 4")
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		var asked [2]atomic.Int32
		counts, err := router.FanOut(ctx, r, time.Second, func(ctx context.Context, s router.Snapshot) (n int64, err error) {
			if asked[s.Shard.ID].Add(1) > 1 {
				<-ctx.Done()
				return 0, ctx.Err()
			}
			err = s.QueryRow(ctx, "SELECT count(*) FROM accounts WHERE "+r.Owned("user_id")).Scan(&n)
			return n, err
		})
		var partial *router.PartialError
		require.ErrorAs(t, err, &partial)
		require.Empty(t, partial.Failures)
		require.Equal(t, []int{4}, partial.Missing)
		require.EqualValues(t, 22, router.Sum(counts))
	})
	t.Run("each shard has its deadline", func(t *testing.T) {
		began := time.Now()
		names, err := router.FanOut(t.Context(), r, 200*time.Millisecond, func(ctx context.Context, s router.Snapshot) (string, error) {
			seconds := 60 * s.Shard.ID
			var name string
			err := s.QueryRow(ctx, "SELECT $2::text FROM pg_sleep($1)", seconds, s.Shard.Name).Scan(&name)
			return name, err
		})
		require.Less(t, time.Since(began), 2*time.Second)
		require.Len(t, names, 1)
		require.Equal(t, "shard-0", names[0].Value)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "1 of 2 shards gave no answer, 7 buckets are missing; shard-1: unavailable: ")
	})
	t.Run("a mistake of ours is named for every shard", func(t *testing.T) {
		results, err := router.FanOut(t.Context(), r, time.Second, router.Scalar[int64]("SELECT nothing"))
		require.Empty(t, results)
		var partial *router.PartialError
		require.ErrorAs(t, err, &partial)
		require.Len(t, partial.Failures, 2)
		require.Equal(t, "shard-0", partial.Failures[0].Shard)
		require.ErrorContains(t, err, `column "nothing" does not exist`)
	})
	t.Run("a question cannot write", func(t *testing.T) {
		_, err := router.FanOut(t.Context(), r, time.Second, router.Scalar[int64]("DELETE FROM accounts RETURNING user_id"))
		require.ErrorContains(t, err, "cannot execute DELETE in a read-only transaction")
	})
	t.Run("a shard is down", func(t *testing.T) {
		shards.Servers[0].Stop()
		defer shards.Servers[0].Run()
		n, err := count(t, r)
		var partial *router.PartialError
		require.ErrorAs(t, err, &partial)
		require.Equal(t, "shard-0", partial.Failures[0].Shard)
		var unavailable *router.UnavailableError
		require.True(t, errors.As(err, &unavailable))
		require.Equal(t, []int{0, 2, 6, 8, 10}, partial.Missing)
		require.EqualValues(t, 14, n)
	})
}
