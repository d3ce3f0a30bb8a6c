package main

import (
	"log/slog"
	"testing"

	"github.com/scalestack/scalestack/services/users/internal/shardtest"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/identity"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/router"
	engine "github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
)

// One bucket that two shards own costs its users, and not every new pod of every program:
// pods that run go on, and refuse that bucket alone.
func TestAPodStartsBesideARestoredShard(t *testing.T) {
	shards, _ := shardtest.Start(t, 2)
	engine.Move(shards, 4, 0, 1)
	shards.Servers[0].Exec(pgtest.Database(0), "UPDATE scalestack.ownership SET state = 'owned', epoch = 1, owner = 0 WHERE bucket = 4")
	r := engine.Router(t, shards)
	require.NoError(t, verify(t.Context(), r, slog.New(slog.DiscardHandler)))

	store := users.NewStore(r, users.StoreOptions{})
	_, _, err := store.Put(t.Context(), 1, users.Profile{Name: "Ada", Email: "ada@example.com"})
	require.NoError(t, err)
	_, _, err = store.Put(t.Context(), 4, users.Profile{Name: "Ada", Email: "ada@example.com"})
	var unavailable *router.UnavailableError
	require.ErrorAs(t, err, &unavailable)

	shards.Servers[0].Exec(pgtest.Database(0), "UPDATE scalestack.shard SET cluster = 'another'")
	var mismatch *identity.MismatchError
	require.ErrorAs(t, verify(t.Context(), engine.Router(t, shards), slog.New(slog.DiscardHandler)), &mismatch)
}
