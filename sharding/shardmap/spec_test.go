package shardmap

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSpecRefuses(t *testing.T) {
	for _, tc := range []struct {
		name string
		edit func(*Spec)
		want string
	}{
		{"no buckets", func(s *Spec) { s.Buckets = 0 }, "buckets: 0 is not between 1 and 16384"},
		{"too many buckets", func(s *Spec) { s.Buckets = 16385 }, "buckets: 16385 is not between 1 and 16384"},
		{"no shard", func(s *Spec) { s.Shards = 0 }, "shards: 0 is not between 1 and 960"},
		{"too many shards", func(s *Spec) { s.Buckets, s.Shards = 5000, 961 }, "shards: 961 is not between 1 and 960"},
		{"more shards than buckets", func(s *Spec) { s.Buckets = 5 }, "shards: 6 is not between 1 and 5"},
		{"no initial shard", func(s *Spec) { s.InitialShards = -1 }, "initialShards: -1 is not between 1 and 960"},
		{"zero weight", func(s *Spec) { s.Weights = map[int]int{2: 0} }, "weights.2: 0 is not between 1 and 1000"},
		{"large weight", func(s *Spec) { s.Weights = map[int]int{2: 1001} }, "weights.2: 1001 is not between 1 and 1000"},
		{"weight of an unknown shard", func(s *Spec) { s.Weights = map[int]int{6: 2} }, "weights.6: 6 is not a shard id between 0 and 5"},
		{"drain of an unknown shard", func(s *Spec) { s.Drain = []int{6} }, "drain[0]: 6 is not a shard id between 0 and 5"},
		{"negative drain", func(s *Spec) { s.Drain = []int{1, -1} }, "drain[1]: -1 is not a shard id between 0 and 5"},
		{"drained twice", func(s *Spec) { s.Drain = []int{1, 1} }, "drain[1]: 1 is not unique in the list"},
		{"all drained", func(s *Spec) { s.Drain = []int{0, 1, 2, 3, 4, 5} }, "drain: [0 1 2 3 4 5] is not allowed to name every shard: one of the 6 must stay"},
		{"pin to an unknown shard", func(s *Spec) { s.Pins = map[int]int{17: 6} }, "pins.17: 6 is not a shard id between 0 and 5"},
		{"pin to a drained shard", func(s *Spec) { s.Drain, s.Pins = []int{3}, map[int]int{17: 3} }, "pins.17: 3 is not a shard to pin to: it is drained"},
		{"pin of an unknown bucket", func(s *Spec) { s.Pins = map[int]int{960: 1, -1: 1} }, "pins.-1: -1 is not a bucket between 0 and 959\npins.960: 960 is not a bucket between 0 and 959"},
		{"several", func(s *Spec) { s.Drain, s.Weights = []int{9}, map[int]int{0: -1} }, "weights.0: -1 is not between 1 and 1000\ndrain[0]: 9 is not a shard id between 0 and 5"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			spec := Spec{Buckets: 960, InitialShards: 4, Shards: 6}
			require.NoError(t, spec.Validate())
			tc.edit(&spec)
			require.EqualError(t, spec.Validate(), tc.want)
			_, err := Desired(spec)
			require.EqualError(t, err, tc.want)
		})
	}
}
