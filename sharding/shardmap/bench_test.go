package shardmap

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// userIDs are spread over the whole range, so that no lookup is foretold.
func userIDs() []int64 {
	random := rand.New(rand.NewPCG(1, 2))
	ids := make([]int64, 1<<12)
	for i := range ids {
		ids[i] = random.Int64()
	}
	return ids
}

func TestLookupDoesNotAllocate(t *testing.T) {
	m, gaps := testMap(DefaultBuckets, 6), testMap(DefaultBuckets, 6)
	gaps.Shards = gaps.Shards[1:]
	for bucket := range gaps.Assignment {
		gaps.Assignment[bucket] = 1 + bucket%5
	}
	require.NoError(t, gaps.Validate())
	userID := int64(-1)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		userID += 12345
		if m.ShardOf(userID) == nil || gaps.ShardOf(userID) == nil {
			panic("no shard")
		}
	}))
}

var sink int

func BenchmarkRoute(b *testing.B) {
	ids, mask := userIDs(), len(userIDs())-1
	b.Run("modulus", func(b *testing.B) {
		shards := testMap(DefaultBuckets, 6).Shards
		n := int64(len(shards))
		for i := 0; b.Loop(); i++ {
			sink += shards[((ids[i&mask]%n)+n)%n].Port
		}
	})
	b.Run("map", func(b *testing.B) {
		m := testMap(DefaultBuckets, 6)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			sink += m.ShardOf(ids[i&mask]).Port
		}
	})
	b.Run("map-with-gap", func(b *testing.B) {
		m := testMap(DefaultBuckets, 7)
		m.Assignment, m.Shards = mapAbove(0, m.Assignment), m.Shards[1:]
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			sink += m.ShardOf(ids[i&mask]).Port
		}
	})
}

// mapAbove takes the buckets away from one shard, for the next above it.
func mapAbove(id int, assignment []int) []int {
	for bucket, owner := range assignment {
		if owner == id {
			assignment[bucket] = id + 1
		}
	}
	return assignment
}

func BenchmarkDesired(b *testing.B) {
	for _, spec := range []Spec{
		{Buckets: 960, InitialShards: 4, Shards: 6},
		{Buckets: 960, InitialShards: 4, Shards: 48},
		{Buckets: MaxBuckets, InitialShards: 4, Shards: MaxShards},
	} {
		b.Run(fmt.Sprintf("%d-buckets-%d-shards", spec.Buckets, spec.Shards), func(b *testing.B) {
			for b.Loop() {
				sink += desired(b, spec)[0]
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	data := []byte(encoded(b, testMap(DefaultBuckets, 6)))
	for b.Loop() {
		m, err := Decode(data)
		require.NoError(b, err)
		sink += m.Buckets
	}
}
