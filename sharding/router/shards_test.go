// The tests of this package against real shards.
package router_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/scalestack/scalestack/sharding/identity"
	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/scalestack/scalestack/sharding/settings"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var ada = accounts.Profile{Name: "Ada", Email: "ada@example.com"}

func newRouter(s settings.Shards) (*router.Router, error) {
	options := s.As("test")
	options.Pool, options.StatementTimeout = 2, time.Second
	return router.New(options)
}

func start(t *testing.T, n int) (*pgtest.Shards, *router.Router, *accounts.Store) {
	t.Helper()
	shards := pgtest.StartShards(t, n)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	shardtest.Migrate(t, ctx, shards, accounts.Schema())
	r, err := newRouter(shards.App)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	require.NoError(t, r.Verify(ctx))
	return shards, r, accounts.NewStore(r)
}

func put(t *testing.T, store *accounts.Store, id int64) (version int64, shard string) {
	t.Helper()
	user, shard, err := store.Put(t.Context(), id, ada)
	require.NoError(t, err)
	return user.Version, shard
}

func requireUnavailable(t require.TestingT, err error, shard, message string) {
	var unavailable *router.UnavailableError
	require.ErrorAs(t, err, &unavailable)
	require.Equal(t, shard, unavailable.Shard)
	require.False(t, unavailable.Unknown)
	require.ErrorContains(t, err, message)
}

func TestUsersLieWhereTheMapSays(t *testing.T) {
	shards, r, store := start(t, 2)
	for id := int64(-20); id < 20; id++ {
		_, shard := put(t, store, id)
		require.Equal(t, r.Map().ShardOf(id).Name, shard)
	}
	for id, server := range shards.Servers {
		require.Equal(t, 20, server.Count(pgtest.Database(id), "SELECT count(*) FROM accounts WHERE abs(user_id) % 2 = $1", id))
		require.Equal(t, 20, server.Count(pgtest.Database(id), "SELECT count(*) FROM accounts"))
	}
	version, _ := put(t, store, -3)
	require.EqualValues(t, 2, version)
	user, shard, err := store.Get(t.Context(), -3)
	require.NoError(t, err)
	require.Equal(t, "shard-1", shard)
	require.Equal(t, accounts.Account{ID: -3, Name: ada.Name, Email: ada.Email, Version: 2, CreatedAt: user.CreatedAt, UpdatedAt: user.UpdatedAt}, *user)
	require.True(t, user.UpdatedAt.After(user.CreatedAt))
	absent, _, err := store.Get(t.Context(), 1000)
	require.NoError(t, err)
	require.Nil(t, absent)
}

func TestAShardGoesDownAndComesBack(t *testing.T) {
	shards, r, store := start(t, 2)
	put(t, store, 0)
	put(t, store, 1)
	shards.Servers[0].Stop()

	require.Eventually(t, func() bool {
		_, _, err := store.Put(t.Context(), 0, ada)
		return err != nil
	}, 5*time.Second, 10*time.Millisecond)
	_, _, err := store.Put(t.Context(), 0, ada)
	requireUnavailable(t, err, "shard-0", noConnection())
	_, _, err = store.Get(t.Context(), 0)
	requireUnavailable(t, err, "shard-0", noConnection())
	put(t, store, 1)
	require.NoError(t, r.Verify(t.Context()), "a shard that is down is no mistake in the map")

	shards.Servers[0].Run()
	awaitPooler(t, store)
	version, _ := put(t, store, 0)
	require.EqualValues(t, 2, version)
}

func TestAReadSurvivesALostConnection(t *testing.T) {
	shards, _, store := start(t, 1)
	put(t, store, 0)
	shards.Servers[0].Exec("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test'")
	user, _, err := store.Get(t.Context(), 0)
	require.NoError(t, err)
	require.EqualValues(t, 1, user.Version)
}

func TestAWriteOfUnknownOutcomeIsNotRepeated(t *testing.T) {
	shards, r, _ := start(t, 1)
	attempts := 0
	_, err := r.Write(t.Context(), 0, func(ctx context.Context, conn *router.Writer) error {
		attempts++
		_, err := conn.Exec(ctx, "SELECT pg_terminate_backend(pg_backend_pid())")
		return err
	})
	var unavailable *router.UnavailableError
	require.ErrorAs(t, err, &unavailable)
	require.True(t, unavailable.Unknown)
	require.Equal(t, 1, attempts)
	require.Zero(t, shards.Servers[0].Count(pgtest.Database(0), "SELECT count(*) FROM accounts"))
}

func TestAStatementThatIsTooSlow(t *testing.T) {
	_, r, _ := start(t, 1)
	_, err := r.Write(t.Context(), 0, func(ctx context.Context, conn *router.Writer) error {
		_, err := conn.Exec(ctx, "SELECT pg_sleep(60)")
		return err
	})
	requireUnavailable(t, err, "shard-0", "canceling statement due to statement timeout")
}

func TestAMistakeOfOursIsNotUnavailability(t *testing.T) {
	_, r, _ := start(t, 1)
	_, err := r.Read(t.Context(), 0, func(ctx context.Context, conn *pgxpool.Conn) error {
		_, err := conn.Exec(ctx, "SELECT nothing")
		return err
	})
	var unavailable *router.UnavailableError
	require.NotErrorAs(t, err, &unavailable)
	require.ErrorContains(t, err, `shard-0: ERROR: column "nothing" does not exist`)
}

func TestMovedBuckets(t *testing.T) {
	shards, r, store := start(t, 2)
	move := func(bucket int) {
		shards.Servers[0].Exec(pgtest.Database(0), "UPDATE scalestack.ownership SET state = 'moved', epoch = 2, owner = 1 WHERE bucket = $1", bucket)
		shards.Servers[1].Exec(pgtest.Database(1), "INSERT INTO scalestack.ownership (bucket, state, epoch, owner) VALUES ($1, 'owned', 2, 1)", bucket)
	}
	move(4)
	t.Run("by the hint, while the map is old", func(t *testing.T) {
		_, shard := put(t, store, 4)
		require.Equal(t, "shard-1", shard)
		user, shard, err := store.Get(t.Context(), 4)
		require.NoError(t, err)
		require.Equal(t, "shard-1", shard)
		require.EqualValues(t, 1, user.Version)
	})
	t.Run("by the new map", func(t *testing.T) {
		next := *shards.Map
		next.Generation, next.Assignment = 2, append([]int(nil), shards.Map.Assignment...)
		next.Assignment[4] = 1
		shards.Write(&next)
		require.NoError(t, r.Reload())
		_, shard := put(t, store, 4)
		require.Equal(t, "shard-1", shard)
	})
	t.Run("fenced", func(t *testing.T) {
		shards.Servers[0].Exec(pgtest.Database(0), "UPDATE scalestack.ownership SET state = 'fenced', epoch = 2 WHERE bucket = 6")
		// Time that is up within a statement leaves its outcome unknown; the next one meets a pause.
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			_, _, err := store.Put(ctx, 6, ada)
			requireUnavailable(c, err, "shard-0", "bucket 6 is not owned by shard 0 (SQLSTATE SS001)")
		}, time.Minute, time.Millisecond)
		_, _, err := store.Get(t.Context(), 6)
		require.NoError(t, err)
	})
	t.Run("a write waits for the end of the move", func(t *testing.T) {
		ended := make(chan string, 1)
		go func() {
			_, shard, err := store.Put(t.Context(), 6, ada)
			ended <- fmt.Sprint(shard, err)
		}()
		require.Never(t, func() bool { return len(ended) > 0 }, 200*time.Millisecond, 10*time.Millisecond)
		// Between these two, neither shard takes the bucket.
		shards.Servers[0].Exec(pgtest.Database(0), "UPDATE scalestack.ownership SET state = 'moved', epoch = 3, owner = 1 WHERE bucket = 6")
		require.Never(t, func() bool { return len(ended) > 0 }, 200*time.Millisecond, 10*time.Millisecond)
		shards.Servers[1].Exec(pgtest.Database(1), "INSERT INTO scalestack.ownership (bucket, state, epoch, owner) VALUES (6, 'owned', 4, 1)")
		require.Equal(t, "shard-1<nil>", <-ended)
	})
	t.Run("by asking all, when the named owner has left the map", func(t *testing.T) {
		// It went from shard 0 over shard 7 to shard 1; only shard 7 told of the last step.
		shards.Servers[0].Exec(pgtest.Database(0), "UPDATE scalestack.ownership SET state = 'moved', epoch = 2, owner = 7 WHERE bucket = 8")
		shards.Servers[1].Exec(pgtest.Database(1), "INSERT INTO scalestack.ownership (bucket, state, epoch, owner) VALUES (8, 'owned', 4, 1)")
		began := time.Now()
		_, shard := put(t, store, 8)
		require.Equal(t, "shard-1", shard)
		require.Less(t, time.Since(began), time.Second)
	})
	t.Run("and back, whatever was learned", func(t *testing.T) {
		shards.Servers[1].Exec(pgtest.Database(1), "UPDATE scalestack.ownership SET state = 'moved', epoch = 5, owner = 0 WHERE bucket = 6")
		shards.Servers[0].Exec(pgtest.Database(0), "UPDATE scalestack.ownership SET state = 'owned', epoch = 6, owner = 0 WHERE bucket = 6")
		_, shard := put(t, store, 6)
		require.Equal(t, "shard-0", shard)
	})
}

func TestMapsAreSwappedOrRefused(t *testing.T) {
	shards, r, store := start(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go r.Follow(ctx, time.Millisecond)

	wrong := *shards.Map
	wrong.Cluster, wrong.Generation = "other", 9
	shards.Write(&wrong)
	require.ErrorContains(t, r.Reload(), "refused: cluster, buckets and initialShards are test, 12 and 2 and cannot become other, 12 and 2")
	require.NoError(t, os.WriteFile(shards.App.MapFile, []byte("{"), 0o600))
	require.ErrorContains(t, r.Reload(), "is not one JSON document")
	put(t, store, 1)
	require.EqualValues(t, 1, r.Map().Generation)

	next := *shards.Map
	next.Generation = 2
	next.Shards = append([]shardmap.Shard(nil), shards.Map.Shards...)
	next.Shards[0].Host = "localhost"
	shards.Write(&next)
	require.Eventually(t, func() bool { return r.Map().Generation == 2 }, 5*time.Second, time.Millisecond)
	put(t, store, 0)
	put(t, store, 1)
}

func TestAWrongMapIsRefusedAtTheConnection(t *testing.T) {
	shards, _, _ := start(t, 2)
	swapped := *shards.Map
	swapped.Shards = append([]shardmap.Shard(nil), shards.Map.Shards...)
	a, b := &swapped.Shards[0], &swapped.Shards[1]
	a.Port, a.Database, b.Port, b.Database = b.Port, b.Database, a.Port, a.Database
	shards.Write(&swapped)
	r, err := newRouter(shards.App)
	require.NoError(t, err)
	defer r.Close()

	err = r.Verify(t.Context())
	var mismatch *identity.MismatchError
	require.ErrorAs(t, err, &mismatch)
	require.ErrorContains(t, err, "shard-0: the shard map does not describe this database: the shard id is 1 there and 0 in the map")
	require.ErrorContains(t, err, "shard-1: the shard map does not describe this database: the shard id is 0 there and 1 in the map")
	_, _, err = accounts.NewStore(r).Put(t.Context(), 0, ada)
	requireUnavailable(t, err, "shard-0", "the shard id is 1 there and 0 in the map")
}

func TestPasswordsChangeWithoutARestart(t *testing.T) {
	direct(t)
	shards, r, store := start(t, 1)
	put(t, store, 0)
	shards.Servers[0].Exec("postgres", "ALTER ROLE app PASSWORD 'rotated'")
	shards.Servers[0].Exec("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test'")
	_, _, err := store.Get(t.Context(), 0)
	requireUnavailable(t, err, "shard-0", "password authentication failed")
	pgtest.SetCredentials(t, filepath.Join(shards.App.Credentials, "shard-0"), "app", "rotated")
	put(t, store, 0)
	require.NoError(t, r.Verify(t.Context()))
}
