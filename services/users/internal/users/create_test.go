package users

import (
	"fmt"
	"testing"

	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

func TestChosenIDs(t *testing.T) {
	const buckets, n = 960, 96_000
	count := make([]int, buckets)
	for i := range n {
		key := ""
		if i%2 == 0 {
			key = fmt.Sprint("key-", i)
		}
		id := newRequest(Profile{}, key).id
		require.GreaterOrEqual(t, id, int64(0))
		require.Less(t, id, int64(1)<<53, "JSON readers hold it exactly")
		count[shardmap.Bucket(id, buckets)]++
	}
	for bucket, have := range count {
		require.InDelta(t, n/buckets, have, 60, "bucket %d", bucket)
	}
}

func TestRequestsAreToldApart(t *testing.T) {
	ada := Profile{Name: "Ada", Email: "ada@example.com"}
	require.Equal(t, newRequest(ada, "k"), newRequest(ada, "k"))
	require.NotEqual(t, newRequest(ada, "k").id, newRequest(ada, "l").id)
	require.NotEqual(t, newRequest(ada, ""), newRequest(ada, ""))
	require.False(t, newRequest(ada, "").hash.Valid)

	for _, other := range []Profile{{Name: "Ada", Email: "b@example.com"}, {Name: "Eve", Email: "ada@example.com"}, {Name: "Adaada@", Email: "example.com"}} {
		require.Equal(t, newRequest(ada, "k").id, newRequest(other, "k").id)
		require.NotEqual(t, newRequest(ada, "k").hash, newRequest(other, "k").hash)
	}
}
