package router_test

import (
	"testing"

	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/stretchr/testify/require"
)

// A Service may lead to the former primary for moments after a failover. What a pool keeps
// from then would read old rows for as long as it lives.
func TestAStandbyIsNotReadFrom(t *testing.T) {
	direct(t)
	shards, _, store := start(t, 1)
	put(t, store, 4)
	standby := shards.Servers[0].Follow()

	after := *shards.Map
	after.Shards = append(after.Shards[:0:0], after.Shards...)
	after.Shards[0].Port = standby.Port()
	shards.Write(&after)
	r, err := newRouter(shards.App)
	require.NoError(t, err)
	defer r.Close()
	misled := accounts.NewStore(r)
	_, _, err = misled.Get(t.Context(), 4)
	requireUnavailable(t, err, "shard-0", "reached a standby and not the primary")
	_, _, err = misled.Put(t.Context(), 4, ada)
	requireUnavailable(t, err, "shard-0", "reached a standby and not the primary")
}
