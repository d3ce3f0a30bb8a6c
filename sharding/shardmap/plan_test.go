package shardmap

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// mapOf returns the map that the Spec asks for on as many shards as it has.
func mapOf(t *testing.T, spec Spec) *Map {
	t.Helper()
	m, err := New("scalestack", 1, spec, testMap(spec.Buckets, spec.Shards).Shards)
	require.NoError(t, err)
	return m
}

func TestPlanOfGrowth(t *testing.T) {
	from := mapOf(t, Spec{Buckets: 960, InitialShards: 4, Shards: 4})
	to := mapOf(t, Spec{Buckets: 960, InitialShards: 4, Shards: 6})
	plan, err := NewPlan(from, to)
	require.NoError(t, err)
	require.Equal(t, 320, plan.Moved)
	require.Equal(t, 320, plan.Minimum)
	require.Equal(t, "shard 4 must gain 160, shard 5 must gain 160", plan.Why())
	require.Equal(t, Balance{Shard: 4, Before: 0, After: 160}, plan.Balance[4])
	require.Len(t, plan.Moves, 8)

	result := append([]int(nil), from.Assignment...)
	for _, move := range plan.Moves {
		for _, bucket := range move.Buckets {
			require.Equal(t, move.From, result[bucket])
			result[bucket] = move.To
		}
	}
	require.Equal(t, to.Assignment, result, "the moves lead to the new map")
}

func TestPlanShowsMovesInOrder(t *testing.T) {
	from, to := testMap(6, 3), testMap(6, 3)
	to.Assignment = []int{0, 1, 1, 2, 1, 1}
	plan, err := NewPlan(from, to)
	require.NoError(t, err)
	require.Equal(t, `buckets that move: 3 of 6; the minimum is 2: shard 1 must gain 2
  shard 0 -> shard 2: 1
  shard 2 -> shard 1: 2
`, plan.String())
	require.Equal(t, []int{2, 5}, plan.Moves[1].Buckets)
}

func TestPlanWithoutChange(t *testing.T) {
	plan, err := NewPlan(testMap(6, 3), testMap(6, 3))
	require.NoError(t, err)
	require.Empty(t, plan.Moves)
	require.Equal(t, "no bucket moves\n", plan.String())
	require.Equal(t, "no shard gains a bucket", plan.Why())
}

func TestPlanAllowsToDropAnEmptyShard(t *testing.T) {
	from := mapOf(t, Spec{Buckets: 960, InitialShards: 4, Shards: 6, Drain: []int{5}})
	to := mapOf(t, Spec{Buckets: 960, InitialShards: 4, Shards: 5})
	plan, err := NewPlan(from, to)
	require.NoError(t, err)
	require.Zero(t, plan.Moved)
}

func TestPlanRefuses(t *testing.T) {
	from := testMap(960, 6)
	for _, tc := range []struct {
		name string
		to   *Map
		want string
	}{
		{"buckets", testMap(480, 6), "buckets: 480 is not 960: the number of buckets is fixed for the life of the data"},
		{"a dropped owner", &Map{Cluster: "scalestack", Buckets: 960, InitialShards: 6, Shards: from.Shards[:5]},
			"shards: shard-5 is not there any more but owns 160 buckets: drain it first"},
		{"everything", &Map{Cluster: "other", Buckets: 960, InitialShards: 4, Shards: from.Shards},
			"cluster: \"other\" is not \"scalestack\", the cluster of the map in use\n" +
				"initialShards: 4 is not 6: the initial number is fixed for the life of the data"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := NewPlan(from, tc.to)
			require.EqualError(t, err, tc.want)
		})
	}
}

func TestModulusMoves(t *testing.T) {
	for _, tc := range []struct{ from, to int }{{4, 6}, {6, 5}, {4, 5}, {4, 8}, {3, 3}, {1, 7}} {
		const users = 3 * 4 * 5 * 6 * 7 * 8
		n := 0
		for userID := range users {
			if userID%tc.from != userID%tc.to {
				n++
			}
		}
		require.InDelta(t, float64(n)/users, ModulusMoves(tc.from, tc.to), 1e-9, "%d to %d", tc.from, tc.to)
	}
}
