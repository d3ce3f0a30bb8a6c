package relay

import (
	"testing"

	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

func TestWhatOthersHaveGotSince(t *testing.T) {
	var o owners
	here := func(epoch int64, owner int) []holding {
		return []holding{{Bucket: 4, Here: true, Epoch: epoch, Owner: owner}}
	}
	gone := func(epoch int64, owner int) []holding { return []holding{{Bucket: 4, Epoch: epoch, Owner: owner}} }
	m := &shardmap.Map{Shards: []shardmap.Shard{{ID: 0}, {ID: 1}}}
	require.False(t, o.heardAll(m))
	require.Empty(t, o.note(0, here(1, 0)))
	require.False(t, o.heardAll(m))
	require.Empty(t, o.note(1, here(4, 1)))
	require.True(t, o.heardAll(m))
	require.Equal(t, []int64{4}, o.note(0, here(1, 0)), "it went, and the shard does not know")
	require.Empty(t, o.note(0, gone(3, 1)))
	require.Empty(t, o.note(1, gone(5, 0)))
	require.Empty(t, o.note(0, here(1, 0)), "it is about to come back")
	require.Empty(t, o.note(0, here(6, 0)))
	require.Equal(t, []int64{4}, o.note(1, here(4, 1)))
	require.Empty(t, o.note(1, here(7, 1)), "somebody has decided")
}
