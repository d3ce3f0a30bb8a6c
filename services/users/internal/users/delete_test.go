package users_test

import (
	"context"
	"testing"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/shardtest"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/stretchr/testify/require"
)

// sell gives a user products behind the service's back, which is faster.
func sell(t *testing.T, shards *pgtest.Shards, id int64, n int) {
	t.Helper()
	conn := shards.Servers[0].App(pgtest.Database(0))
	defer conn.Close(context.Background())
	_, err := conn.Exec(t.Context(), `
		INSERT INTO products (user_id, sku, name, price_cents, version) SELECT $1, 'S' || n, 'Lamp', 1, n FROM generate_series(1, $2::int) AS n`, id, n)
	require.NoError(t, err)
}

// TestAUserWithManyProducts deletes one that takes longer than its request has.
func TestAUserWithManyProducts(t *testing.T) {
	shards, r := shardtest.Start(t, 1)
	store := users.NewStore(r, users.StoreOptions{Events: true})
	count := func(sql string) int { return shards.Servers[0].Count(pgtest.Database(0), sql) }
	const id, many, few = int64(7), 200_000, 1000
	_, _, err := store.Put(t.Context(), id, ada)
	require.NoError(t, err)
	sell(t, shards, id, many)

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	version, _, err := store.Delete(ctx, id)
	require.NoError(t, err)
	require.EqualValues(t, 2, version)
	product, _, err := store.GetProduct(t.Context(), id, "S999")
	require.NoError(t, err)
	require.Nil(t, product, "what is left is invisible")
	t.Logf("%d of %d products were left after 2 s", count("SELECT count(*) FROM products"), many)

	t.Run("comes back only without its old products", func(t *testing.T) {
		short, cancel := context.WithTimeout(t.Context(), 600*time.Millisecond)
		defer cancel()
		_, _, err := store.Put(short, id, ada)
		var unavailable *router.UnavailableError
		require.ErrorAs(t, err, &unavailable)
		for more := true; more; {
			more, err = store.Sweep(t.Context())
			require.NoError(t, err)
		}
		require.Zero(t, count("SELECT count(*) FROM products"))
		require.Zero(t, count("SELECT count(*) FROM users WHERE clearing"))
		_, _, err = store.Put(t.Context(), id, ada)
		require.NoError(t, err)
	})
	require.Equal(t, many, count("SELECT count(*) FROM outbox WHERE type = 'ProductDeleted'"), "each product has its event")
	require.Equal(t, many+3, count("SELECT events FROM users"))
	require.Equal(t, many+3, count("SELECT count(DISTINCT sequence) FROM outbox"))

	t.Run("one piece exactly", func(t *testing.T) {
		sell(t, shards, id, few)
		_, _, err := store.Delete(t.Context(), id)
		require.NoError(t, err)
		require.Zero(t, count("SELECT count(*) FROM products"))
		require.Zero(t, count("SELECT count(*) FROM users WHERE clearing"))
	})
}

// TestASweepPassesByAFence has a bucket that is being moved before one that is not.
func TestASweepPassesByAFence(t *testing.T) {
	shards, r := shardtest.Start(t, 1)
	store := users.NewStore(r, users.StoreOptions{Events: true})
	server, db := shards.Servers[0], pgtest.Database(0)
	for id := range int64(2) {
		_, _, err := store.Put(t.Context(), id, ada)
		require.NoError(t, err)
		sell(t, shards, id, 3)
	}
	server.Exec(db, "SELECT scalestack.sweep(); UPDATE users SET name = '', email = '', deleted_at = now(), clearing = true")
	server.Exec(db, "UPDATE scalestack.ownership SET state = 'fenced' WHERE bucket = 0")
	sweep := func() {
		t.Helper()
		for more := true; more; {
			var err error
			more, err = store.Sweep(t.Context())
			require.NoError(t, err)
		}
	}
	sweep()
	require.Equal(t, 1, server.Count(db, "SELECT count(*) FROM users WHERE clearing AND user_id = 0"))
	require.Equal(t, 3, server.Count(db, "SELECT count(*) FROM products"))
	server.Exec(db, "UPDATE scalestack.ownership SET state = 'owned' WHERE bucket = 0")
	sweep()
	require.Zero(t, server.Count(db, "SELECT count(*) FROM users WHERE clearing"))
	require.Zero(t, server.Count(db, "SELECT count(*) FROM products"))
}

func TestADeletionErasesUnpublishedEvents(t *testing.T) {
	shards, r := shardtest.Start(t, 1)
	store := users.NewStore(r, users.StoreOptions{Events: true})
	for range 3 {
		_, _, err := store.Put(t.Context(), 7, ada)
		require.NoError(t, err)
	}
	_, _, err := store.Put(t.Context(), 8, ada)
	require.NoError(t, err)
	_, _, err = store.Delete(t.Context(), 7)
	require.NoError(t, err)
	left := "SELECT count(*) FROM outbox WHERE user_id = $1 AND data::text LIKE '%" + ada.Email + "%'"
	conn := shards.Servers[0].App(pgtest.Database(0))
	defer conn.Close(context.Background())
	for id, want := range map[int64]int{7: 0, 8: 1} {
		var n int
		require.NoError(t, conn.QueryRow(t.Context(), left, id).Scan(&n))
		require.Equal(t, want, n)
	}
	require.Len(t, noted(t, shards, 0, 7), 4, "no event is lost")
	var data []byte
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT data FROM outbox WHERE user_id = 7 AND sequence = 2").Scan(&data))
	e := &events.Event{Type: events.UserUpdated, UserID: 7, Sequence: 2, Schema: events.UserSchema, Data: data}
	_, err = events.FromRecord(e.Record(events.UserTopic))
	require.NoError(t, err, "and each is still one that consumers know")
}

func TestNoEventsWithoutAReader(t *testing.T) {
	shards, r := shardtest.Start(t, 1)
	count := func() int { return shards.Servers[0].Count(pgtest.Database(0), "SELECT count(*) FROM outbox") }
	_, _, err := users.NewStore(r, users.StoreOptions{Events: true}).Put(t.Context(), 9, ada)
	require.NoError(t, err)
	store := users.NewStore(r, users.StoreOptions{})
	user, _, err := store.Create(t.Context(), ada, "")
	require.NoError(t, err)
	_, _, err = store.Put(t.Context(), user.ID, ada)
	require.NoError(t, err)
	_, _, err = store.PutProduct(t.Context(), user.ID, "A", users.Offer{Name: "Lamp"})
	require.NoError(t, err)
	_, _, err = store.DeleteProduct(t.Context(), user.ID, "A")
	require.NoError(t, err)
	_, _, err = store.Delete(t.Context(), user.ID)
	require.NoError(t, err)
	require.Equal(t, 1, count())

	_, err = store.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, count(), "a rollout may be turning events on")
	shards.Servers[0].Exec(pgtest.Database(0), "UPDATE outbox SET occurred_at = now() - interval '25 hours'")
	_, err = store.Sweep(t.Context())
	require.NoError(t, err)
	require.Zero(t, count())
}
