package shardmap

import (
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// drawSpec draws a Spec without drains and pins.
func drawSpec(t *rapid.T) Spec {
	buckets := rapid.OneOf(rapid.IntRange(1, 150), rapid.Just(DefaultBuckets)).Draw(t, "buckets")
	spec := Spec{Buckets: buckets}
	spec.InitialShards = rapid.IntRange(1, min(buckets, 8)).Draw(t, "initialShards")
	spec.Shards = rapid.IntRange(1, min(buckets, 12)).Draw(t, "shards")
	return spec
}

func drawWeights(t *rapid.T, spec *Spec, largest int) {
	spec.Weights = rapid.MapOf(rapid.IntRange(0, spec.Shards-1), rapid.IntRange(1, largest)).Draw(t, "weights")
}

func drawDrain(t *rapid.T, spec *Spec) {
	ids := rapid.Permutation(rangeOf(spec.Shards)).Draw(t, "order of drains")
	spec.Drain = ids[:rapid.IntRange(0, spec.Shards-1).Draw(t, "drains")]
}

func drawPins(t *rapid.T, spec *Spec) {
	active := slices.DeleteFunc(rangeOf(spec.Shards), func(id int) bool { return slices.Contains(spec.Drain, id) })
	spec.Pins = rapid.MapOfN(rapid.IntRange(0, spec.Buckets-1), rapid.SampledFrom(active), 0, 5).Draw(t, "pins")
}

func rangeOf(n int) []int {
	ids := make([]int, n)
	for i := range ids {
		ids[i] = i
	}
	return ids
}

func TestEveryBucketHasOneAllowedOwner(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		drawWeights(t, &spec, MaxWeight)
		drawDrain(t, &spec)
		drawPins(t, &spec)
		assignment := desired(t, spec)
		require.Len(t, assignment, spec.Buckets)
		for bucket, id := range assignment {
			require.True(t, id >= 0 && id < spec.Shards, "bucket %d", bucket)
			require.NotContains(t, spec.Drain, id, "bucket %d", bucket)
		}
		for bucket, id := range spec.Pins {
			require.Equal(t, id, assignment[bucket])
		}
	})
}

func TestOrderInTheConfigurationDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		drawDrain(t, &spec)
		other := spec
		if len(spec.Drain) > 0 {
			other.Drain = rapid.Permutation(spec.Drain).Draw(t, "same drains")
		}
		require.Equal(t, desired(t, spec), desired(t, other))
	})
}

func TestEqualShardsAreBalancedWithinOneBucket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		drawDrain(t, &spec)
		share := float64(spec.Buckets) / float64(spec.Shards-len(spec.Drain))
		for id, size := range sizes(desired(t, spec), spec.Shards) {
			if !slices.Contains(spec.Drain, id) {
				require.Less(t, math.Abs(float64(size)-share), 1.0, "shard %d", id)
			}
		}
	})
}

// No bucket could go from one shard to another and make their loads per weight
// more equal: the definition of Webster's method.
func TestWeightedShardsAreBalanced(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		drawWeights(t, &spec, MaxWeight)
		drawDrain(t, &spec)
		size := sizes(desired(t, spec), spec.Shards)
		for a := range spec.Shards {
			for b := range spec.Shards {
				if !slices.Contains(spec.Drain, a) && !slices.Contains(spec.Drain, b) {
					require.LessOrEqual(t, (2*size[a]-1)*spec.weight(b), (2*size[b]+1)*spec.weight(a), "shard %d gives to %d", a, b)
				}
			}
		}
	})
}

// Growth from equal shards is exact by any number of shards of any weights and
// with any pins, as long as no shard is drained; so is the way back.
func TestGrowthMovesOnlyToNewShards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		grown := drawSpec(t)
		grown.Shards = rapid.IntRange(min(grown.InitialShards, grown.Buckets), min(grown.Buckets, 14)).Draw(t, "grown to")
		drawWeights(t, &grown, 10)
		spec := grown
		spec.Shards = rapid.IntRange(spec.InitialShards, grown.Shards).Draw(t, "grown from")
		spec.Weights = nil
		maps.DeleteFunc(grown.Weights, func(id, _ int) bool { return id < spec.Shards })
		drawPins(t, &spec)
		grown.Pins = spec.Pins

		before, after := desired(t, spec), desired(t, grown)
		for bucket := range before {
			if before[bucket] != after[bucket] {
				require.GreaterOrEqual(t, after[bucket], spec.Shards, "bucket %d moves between shards that both stay", bucket)
			}
		}
		require.Equal(t, minimum(before, after, grown.Shards), moved(before, after))
		if len(grown.Weights) == 0 && len(spec.Pins) == 0 && grown.Shards == spec.Shards+1 {
			require.Equal(t, spec.Buckets/grown.Shards, moved(before, after), "the least that a new shard may own")
		}
	})
}

// The first drain is exact for any shard, with any weights unless it is the last
// shard; a further one when its id is above those drained before and not the last.
func TestDrainMovesOnlyTheDrainedShard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		drawWeights(t, &spec, 10)
		if spec.Shards < spec.InitialShards || spec.Shards < 2 {
			t.Skip("it starts with a drained shard, or has none to drain")
		}
		drain := rapid.IntRange(0, spec.Shards-1).Draw(t, "drain")
		if drain < spec.Shards-1 {
			earlier := rapid.SliceOfNDistinct(rapid.IntRange(0, spec.Shards-2), 0, 3, rapid.ID[int]).Draw(t, "drained before")
			spec.Drain = slices.DeleteFunc(earlier, func(id int) bool { return id >= drain })
		} else {
			maps.DeleteFunc(spec.Weights, func(id, _ int) bool { return id != drain })
		}
		drained := spec
		drained.Drain = append(slices.Clone(spec.Drain), drain)

		before, after := desired(t, spec), desired(t, drained)
		for bucket := range before {
			if before[bucket] != after[bucket] {
				require.Equal(t, drain, before[bucket], "bucket %d moves between shards that both stay", bucket)
			}
		}
	})
}

func TestCuttingOffDrainedShardsMovesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		drawWeights(t, &spec, 10)
		drawDrain(t, &spec)
		cut := spec
		cut.Shards = spec.lastActive() + 1
		cut.Drain = slices.DeleteFunc(slices.Clone(spec.Drain), func(id int) bool { return id >= cut.Shards })
		cut.Weights = maps.Clone(spec.Weights)
		maps.DeleteFunc(cut.Weights, func(id, _ int) bool { return id >= cut.Shards })
		require.Equal(t, desired(t, spec), desired(t, cut))
	})
}

// More weight is exact among equal shards, and where the others that have a
// weight lie between shard 0 and it.
func TestMoreWeightMovesOnlyToThatShard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		spec.Shards = rapid.IntRange(spec.InitialShards, min(spec.Buckets, 12)).Draw(t, "shards")
		if spec.Shards < 2 {
			t.Skip("one shard has everything")
		}
		drawWeights(t, &spec, 10)
		id := rapid.IntRange(0, spec.Shards-1).Draw(t, "id")
		maps.DeleteFunc(spec.Weights, func(other, _ int) bool { return other > id || other == 0 && id > 0 })
		heavier := spec
		heavier.Weights = maps.Clone(spec.Weights)
		heavier.Weights[id] = spec.weight(id) + rapid.IntRange(1, 10).Draw(t, "more weight")
		before, after := desired(t, spec), desired(t, heavier)
		for bucket := range before {
			if before[bucket] != after[bucket] {
				require.Equal(t, id, after[bucket], "bucket %d", bucket)
			}
		}
	})
}

func TestOneWeightForAllIsNoWeight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		drawDrain(t, &spec)
		weighed := spec
		weighed.Weights = map[int]int{}
		weight := rapid.IntRange(1, MaxWeight).Draw(t, "weight")
		for id := range spec.Shards {
			weighed.Weights[id] = weight
		}
		require.Equal(t, desired(t, spec), desired(t, weighed))
	})
}

func TestPinsChangeNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		drawWeights(t, &spec, 10)
		drawDrain(t, &spec)
		free := desired(t, spec)
		drawPins(t, &spec)
		for bucket, id := range spec.Pins {
			free[bucket] = id
		}
		require.Equal(t, free, desired(t, spec))
	})
}

func TestAnyUserHasABucketAndAShard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		m, err := New("scalestack", 1, spec, testMap(spec.Buckets, spec.Shards).Shards)
		require.NoError(t, err)
		userID := rapid.Int64().Draw(t, "user id")
		bucket := Bucket(userID, spec.Buckets)
		require.True(t, bucket >= 0 && bucket < spec.Buckets)
		require.Zero(t, (userID%int64(spec.Buckets)-int64(bucket))%int64(spec.Buckets), "congruent")
		require.Equal(t, m.Assignment[bucket], m.ShardOf(userID).ID)
	})
}

// minimum is what must move at least to get from one list of sizes to another.
func minimum(from, to []int, shards int) int {
	n := 0
	before, after := sizes(from, shards), sizes(to, shards)
	for id := range shards {
		n += max(0, after[id]-before[id])
	}
	return n
}
