package users_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/shardtest"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/scalestack/scalestack/sharding/shardmap"
	engine "github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
)

var ada = users.Profile{Name: "Ada", Email: "ada@example.com"}

// noted returns the user's events on a shard, each as "<sequence> <type> <version>"
// and read as a consumer would.
func noted(t *testing.T, shards *pgtest.Shards, shard int, user int64) (lines []string) {
	t.Helper()
	conn := shards.Servers[shard].App(pgtest.Database(shard))
	rows, err := conn.Query(t.Context(), `
		SELECT sequence, event_id, topic, type, schema, occurred_at, data FROM outbox WHERE user_id = $1 ORDER BY sequence`, user)
	require.NoError(t, err)
	e, topic := events.Event{UserID: user}, ""
	_, err = pgx.ForEachRow(rows, []any{&e.Sequence, (*[16]byte)(&e.ID), &topic, &e.Type, &e.Schema, &e.Time, &e.Data}, func() error {
		require.NotEqual(t, uuid.Nil, e.ID)
		require.WithinDuration(t, time.Now(), e.Time, time.Minute)
		read, err := events.FromRecord(e.Record(topic))
		require.NoError(t, err)
		var data struct{ Version int64 }
		require.NoError(t, json.Unmarshal(read.Data, &data))
		lines = append(lines, fmt.Sprintf("%d %s %s %d", e.Sequence, topic, e.Type, data.Version))
		return nil
	})
	require.NoError(t, err)
	return lines
}

func owner(r *router.Router, user int64) int {
	m := r.Map()
	return m.Assignment[shardmap.Bucket(user, m.Buckets)]
}

func TestEveryChangeIsNotedWithIt(t *testing.T) {
	shards, r := shardtest.Start(t, 2)
	store := users.NewStore(r, users.StoreOptions{Events: true})
	const id = int64(-3)
	version, _, err := store.Delete(t.Context(), id)
	require.NoError(t, err)
	require.Zero(t, version, "there was no such user")

	put := func(version int64, created bool) {
		t.Helper()
		user, _, err := store.Put(t.Context(), id, ada)
		require.NoError(t, err)
		require.Equal(t, version, user.Version)
		require.Equal(t, created, user.Created)
	}
	put(1, true)
	put(2, false)
	version, _, err = store.Delete(t.Context(), id)
	require.NoError(t, err)
	require.EqualValues(t, 3, version)
	user, _, err := store.Get(t.Context(), id)
	require.NoError(t, err)
	require.Nil(t, user)
	version, _, err = store.Delete(t.Context(), id)
	require.NoError(t, err)
	require.Zero(t, version)
	put(4, true)
	put(5, false)
	user, _, err = store.Get(t.Context(), id)
	require.NoError(t, err)
	require.True(t, user.UpdatedAt.After(user.CreatedAt))

	require.Equal(t, []string{
		"1 user_events UserCreated 1", "2 user_events UserUpdated 2", "3 user_events UserDeleted 3",
		"4 user_events UserCreated 4", "5 user_events UserUpdated 5",
	}, noted(t, shards, owner(r, id), id))
}

func TestAnUpdateMakesNobody(t *testing.T) {
	shards, r := shardtest.Start(t, 1)
	store := users.NewStore(r, users.StoreOptions{Events: true})
	const id = int64(5)
	absent := func() {
		t.Helper()
		_, _, err := store.Update(t.Context(), id, ada)
		require.ErrorIs(t, err, users.ErrNoUser)
		user, _, err := store.Get(t.Context(), id)
		require.NoError(t, err)
		require.Nil(t, user)
	}
	absent()
	_, _, err := store.Put(t.Context(), id, ada)
	require.NoError(t, err)
	updated, _, err := store.Update(t.Context(), id, users.Profile{Name: "Eve", Email: "eve@example.com"})
	require.NoError(t, err)
	require.EqualValues(t, 2, updated.Version)
	require.False(t, updated.Created)
	user, _, err := store.Get(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, updated, user)
	_, _, err = store.Delete(t.Context(), id)
	require.NoError(t, err)
	absent()
	shards.Servers[0].Exec(pgtest.Database(0), "SELECT scalestack.sweep(); UPDATE users SET clearing = true")
	absent()
	require.Equal(t, []string{"1 user_events UserCreated 1", "2 user_events UserUpdated 2", "3 user_events UserDeleted 3"}, noted(t, shards, 0, id))
}

func TestADeletedUserIsForgotten(t *testing.T) {
	shards, r := shardtest.Start(t, 1)
	store := users.NewStore(r, users.StoreOptions{Events: true})
	user, _, err := store.Create(t.Context(), ada, "key")
	require.NoError(t, err)
	_, _, err = store.Delete(t.Context(), user.ID)
	require.NoError(t, err)
	require.Equal(t, 1, shards.Servers[0].Count(pgtest.Database(0), `
		SELECT count(*) FROM users WHERE name = '' AND email = '' AND request_hash IS NULL AND deleted_at IS NOT NULL`))
	_, _, err = store.Create(t.Context(), ada, "key")
	require.ErrorIs(t, err, users.ErrKeyUsed)
}

func TestProductsFollowTheirUser(t *testing.T) {
	shards, r := shardtest.Start(t, 1)
	store := users.NewStore(r, users.StoreOptions{Events: true})
	const id = int64(5)
	lamp := users.Offer{Name: "Lamp", PriceCents: 1999}
	put := func(sku string) (*users.Product, error) {
		p, _, err := store.PutProduct(t.Context(), id, sku, lamp)
		return p, err
	}
	_, err := put("A")
	require.ErrorIs(t, err, users.ErrNoUser)
	_, _, err = store.Put(t.Context(), id, ada)
	require.NoError(t, err)
	p, err := put("A")
	require.NoError(t, err)
	require.Equal(t, users.Product{UserID: id, SKU: "A", Offer: lamp, Version: 2, Created: true, CreatedAt: p.CreatedAt, UpdatedAt: p.CreatedAt}, *p)
	p, err = put("A")
	require.NoError(t, err)
	require.False(t, p.Created)
	got, _, err := store.GetProduct(t.Context(), id, "A")
	require.NoError(t, err)
	require.Equal(t, p, got)
	for _, want := range []bool{true, false} {
		found, _, err := store.DeleteProduct(t.Context(), id, "A")
		require.NoError(t, err)
		require.Equal(t, want, found)
	}
	got, _, err = store.GetProduct(t.Context(), id, "A")
	require.NoError(t, err)
	require.Nil(t, got)
	for _, sku := range []string{"B", "A"} {
		_, err = put(sku)
		require.NoError(t, err)
	}
	_, _, err = store.Delete(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, []string{
		"1 user_events UserCreated 1", "2 product_events ProductCreated 2", "3 product_events ProductUpdated 3", "4 product_events ProductDeleted 4",
		"5 product_events ProductCreated 5", "6 product_events ProductCreated 6",
		"7 product_events ProductDeleted 7", "8 product_events ProductDeleted 8", "9 user_events UserDeleted 2",
	}, noted(t, shards, 0, id))
	require.Zero(t, shards.Servers[0].Count(pgtest.Database(0), "SELECT count(*) FROM products"))
}

func TestARepeatedRegistrationIsOneUser(t *testing.T) {
	shards, r := shardtest.Start(t, 2)
	store := users.NewStore(r, users.StoreOptions{Events: true})
	key := uuid.NewString()
	var all sync.WaitGroup
	ids := make([]int64, 8)
	for i := range ids {
		all.Go(func() {
			user, _, err := store.Create(context.Background(), ada, key)
			if err != nil || user.Version != 1 || !user.Created {
				t.Errorf("%+v, %v", user, err)
				return
			}
			ids[i] = user.ID
		})
	}
	all.Wait()
	for _, id := range ids {
		require.Equal(t, ids[0], id)
	}
	require.Equal(t, []string{"1 user_events UserCreated 1"}, noted(t, shards, owner(r, ids[0]), ids[0]))

	_, _, err := store.Put(t.Context(), ids[0], users.Profile{Name: "Ada L.", Email: ada.Email})
	require.NoError(t, err)
	user, _, err := store.Create(t.Context(), ada, key)
	require.NoError(t, err)
	require.Equal(t, "Ada L.", user.Name, "the user as it is now")
	_, _, err = store.Create(t.Context(), users.Profile{Name: "Eve", Email: ada.Email}, key)
	require.ErrorIs(t, err, users.ErrKeyUsed)
}

func TestRegistrationsWithoutAKeyAreManyUsers(t *testing.T) {
	_, r := shardtest.Start(t, 2)
	store := users.NewStore(r, users.StoreOptions{Events: true})
	seen := map[int]int{}
	for range 40 {
		user, _, err := store.Create(t.Context(), ada, "")
		require.NoError(t, err)
		seen[owner(r, user.ID)]++
	}
	require.Greater(t, seen[0], 5)
	require.Greater(t, seen[1], 5)
}

func TestOrderOfAUserUnderConcurrency(t *testing.T) {
	shards, r := shardtest.Start(t, 1)
	store := users.NewStore(r, users.StoreOptions{Events: true})
	const id, workers, each = int64(9), 6, 30
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			for n := range each {
				var err error
				switch (n + worker) % 5 {
				case 0:
					_, _, err = store.Delete(context.Background(), id)
				case 1:
					_, _, err = store.PutProduct(context.Background(), id, "A", users.Offer{Name: "Lamp"})
				default:
					_, _, err = store.Put(context.Background(), id, ada)
				}
				if err != nil && err.Error() != "shard-0: there is no such user" {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	conn := shards.Servers[0].App(pgtest.Database(0))
	var count, last, versions, highest int64
	require.NoError(t, conn.QueryRow(t.Context(), `
		SELECT count(*), max(sequence), count(DISTINCT data->'version') FILTER (WHERE topic = 'user_events'),
			max((data->>'version')::bigint) FILTER (WHERE topic = 'user_events')
		FROM outbox WHERE user_id = $1`, id).Scan(&count, &last, &versions, &highest))
	require.Equal(t, last, count, "no number is missing")
	require.Equal(t, highest, versions, "no version comes twice")
	require.EqualValues(t, last, shards.Servers[0].Count(pgtest.Database(0), "SELECT events FROM users WHERE user_id = 9"))
}

func TestChangesFollowAMovedBucket(t *testing.T) {
	shards, r := shardtest.Start(t, 2)
	store := users.NewStore(r, users.StoreOptions{Events: true})
	engine.Move(shards, 4, 0, 1)
	_, shard, err := store.Delete(t.Context(), 4)
	require.NoError(t, err)
	require.Equal(t, "shard-1", shard)
	_, shard, err = store.PutProduct(t.Context(), 4, "A", users.Offer{Name: "Lamp"})
	require.ErrorIs(t, err, users.ErrNoUser)
	require.Equal(t, "shard-1", shard)
	_, shard, err = store.GetProduct(t.Context(), 4, "A")
	require.NoError(t, err)
	require.Equal(t, "shard-1", shard)
}
