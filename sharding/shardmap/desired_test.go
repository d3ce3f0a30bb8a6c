package shardmap

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDesiredIsTheBaseMapWithoutGrowth(t *testing.T) {
	for _, spec := range []Spec{
		{Buckets: 960, InitialShards: 4, Shards: 4},
		{Buckets: 960, InitialShards: 4, Shards: 6, Drain: []int{4, 5}},
		{Buckets: 10, InitialShards: 3, Shards: 3},
		{Buckets: 1, InitialShards: 1, Shards: 1},
	} {
		assignment, err := Desired(spec)
		require.NoError(t, err)
		require.Equal(t, Base(spec.Buckets, spec.InitialShards), assignment, "%+v", spec)
	}
}

// The assignment says where data lies: a new version of this package that
// computes another one would move the data of every cluster.
func TestDesiredNeverChanges(t *testing.T) {
	for _, tc := range []struct {
		name string
		spec Spec
		want string
	}{
		{"growth", Spec{Buckets: 960, InitialShards: 4, Shards: 6}, "974227a85736f1ad"},
		{"drain", Spec{Buckets: 960, InitialShards: 4, Shards: 6, Drain: []int{2}}, "54b0601d3dd199d9"},
		{"weights", Spec{Buckets: 960, InitialShards: 4, Shards: 6, Weights: map[int]int{1: 3, 5: 2}}, "51d693f5ac772de3"},
		{"all", Spec{Buckets: 1000, InitialShards: 3, Shards: 9, Weights: map[int]int{0: 2, 7: 5}, Drain: []int{1, 4, 8}, Pins: map[int]int{17: 6}}, "5b0517a66023decf"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sum := sha256.Sum256(fmt.Append(nil, desired(t, tc.spec)))
			require.Equal(t, tc.want, fmt.Sprintf("%x", sum[:8]))
		})
	}
}

// Anyone can repeat it: sha256(b"17/4").digest()[:8].hex() in Python.
func TestScoreIsTheDocumentedHash(t *testing.T) {
	require.Equal(t, uint64(0xd66f28fc07d288db), score(17, 4))
}

func TestFourToSixToFiveMovesTheMinimumEachTime(t *testing.T) {
	four := desired(t, Spec{Buckets: 960, InitialShards: 4, Shards: 4})
	six := desired(t, Spec{Buckets: 960, InitialShards: 4, Shards: 6})
	drained := desired(t, Spec{Buckets: 960, InitialShards: 4, Shards: 6, Drain: []int{5}})
	five := desired(t, Spec{Buckets: 960, InitialShards: 4, Shards: 5})

	require.Equal(t, []int{160, 160, 160, 160, 160, 160}, sizes(six, 6))
	require.Equal(t, 320, moved(four, six))
	require.Equal(t, []int{192, 192, 192, 192, 192, 0}, sizes(drained, 6))
	require.Equal(t, 160, moved(six, drained))
	require.Equal(t, five, drained, "cutting off a drained shard moves nothing")
}

func TestPinnedBucketMovesAlone(t *testing.T) {
	spec := Spec{Buckets: 960, InitialShards: 4, Shards: 6}
	before := desired(t, spec)
	spec.Pins = map[int]int{17: (before[17] + 1) % 6}
	after := desired(t, spec)
	require.Equal(t, 1, moved(before, after))
	require.Equal(t, spec.Pins[17], after[17])
}

func TestWeightsDivideTheBuckets(t *testing.T) {
	for _, tc := range []struct {
		name string
		spec Spec
		want []int
	}{
		{"a new shard of double weight", Spec{Buckets: 960, InitialShards: 4, Shards: 5, Weights: map[int]int{4: 2}}, []int{160, 160, 160, 160, 320}},
		{"an initial shard of double weight", Spec{Buckets: 960, InitialShards: 4, Shards: 4, Weights: map[int]int{0: 2}}, []int{384, 192, 192, 192}},
		{"an equal weight is no weight", Spec{Buckets: 960, InitialShards: 2, Shards: 3, Weights: map[int]int{0: 7, 1: 7, 2: 7}}, []int{320, 320, 320}},
		{"too little weight for a bucket", Spec{Buckets: 2, InitialShards: 1, Shards: 2, Weights: map[int]int{0: 1000}}, []int{2, 0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.want, sizes(desired(t, tc.spec), tc.spec.Shards))
		})
	}
}

func TestNew(t *testing.T) {
	shards := testMap(960, 6).Shards
	m, err := New("scalestack", 2, Spec{Buckets: 960, InitialShards: 4, Shards: 6, Drain: []int{5}}, shards[:5])
	require.NoError(t, err)
	require.Equal(t, map[int]int{0: 192, 1: 192, 2: 192, 3: 192, 4: 192}, m.Counts())

	_, err = New("scalestack", 2, Spec{Buckets: 960, InitialShards: 4, Shards: 6}, shards[:5])
	require.ErrorContains(t, err, "5 is not the id of a shard")
	_, err = New("scalestack", 2, Spec{Buckets: 960, InitialShards: 4}, shards)
	require.EqualError(t, err, "shards: 0 is not between 1 and 960")
}

func desired(t require.TestingT, spec Spec) []int {
	assignment, err := Desired(spec)
	require.NoError(t, err)
	return assignment
}

func sizes(assignment []int, shards int) []int {
	sizes := make([]int, shards)
	for _, id := range assignment {
		sizes[id]++
	}
	return sizes
}

func moved(from, to []int) int {
	n := 0
	for bucket := range from {
		if from[bucket] != to[bucket] {
			n++
		}
	}
	return n
}
