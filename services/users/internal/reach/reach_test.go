package reach_test

import (
	"context"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/scalestack/scalestack/services/users/internal/reach"
	"github.com/scalestack/scalestack/services/users/internal/shardtest"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/router"
	engine "github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
)

// A service asks for what it may read: that of another's table is refused.
func TestTablesAreAskedWithTheServicesRights(t *testing.T) {
	_, r := shardtest.StartAs(t, "email", 2)
	require.NoError(t, reach.Tables(t.Context(), r, "inbox"))
	require.ErrorContains(t, reach.Tables(t.Context(), r, "inbox", "products"), "permission denied for table products")
}

// Buckets that are refused for their two owners say nothing of the shards.
func TestTablesAreAskedBesideRefusedBuckets(t *testing.T) {
	shards, _ := shardtest.StartAs(t, "email", 2)
	next := *shards.Map
	next.Assignment = slices.Clone(shards.Map.Assignment)
	next.Assignment[0] = 1
	shards.Write(&next)
	// The first bucket of each.
	for _, bucket := range []int{0, 2} {
		engine.Move(shards, bucket, 0, 1)
		shards.Servers[0].Exec(pgtest.Database(0), "UPDATE scalestack.ownership SET state = 'owned', epoch = 1, owner = 0 WHERE bucket = $1", bucket)
	}
	r := engine.Router(t, shards)
	_, err := r.Read(t.Context(), 4, func(context.Context, *pgxpool.Conn) error { return nil })
	require.NoError(t, err, "its connection comes before what the other shard knows")
	var twice *router.OwnedTwiceError
	require.ErrorAs(t, r.Verify(t.Context()), &twice)
	require.NoError(t, reach.Tables(t.Context(), r, "inbox"))
}
