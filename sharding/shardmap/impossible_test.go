package shardmap

import (
	"math/bits"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// If every single drain moved only the drained shard's buckets, whatever was
// drained before, then every bucket would rank all shards once and for all and
// lie on the best one that is not drained. For 6 buckets and 5 shards no choice
// of six rankings keeps every set of remaining shards within one bucket: this
// tries them all. So no rule that sees only the configuration can be minimal
// for every drain, and ours is not at fault; docs/shardmap.md says which are.
func TestNoRuleIsMinimalForEveryDrain(t *testing.T) {
	require.False(t, rankingsExist(6, 5))
	require.True(t, rankingsExist(6, 4))
	require.True(t, rankingsExist(5, 5))
}

func rankingsExist(buckets, shards int) bool {
	s := &search{buckets: buckets}
	for set := 1; set < 1<<shards; set++ {
		s.sets = append(s.sets, set)
	}
	s.count = make([][]int, len(s.sets))
	for i := range s.sets {
		s.count[i] = make([]int, shards)
	}
	permutations(rangeOf(shards), 0, func(ranking []int) { s.tops = append(s.tops, s.topsOf(ranking)) })
	return s.place(0, 0)
}

// search places one bucket's ranking after another; tops holds, for each
// ranking, the best shard of each set of remaining shards.
type search struct {
	buckets int
	sets    []int
	tops    [][]int
	count   [][]int
}

func (s *search) topsOf(ranking []int) []int {
	tops := make([]int, len(s.sets))
	for i, set := range s.sets {
		tops[i] = ranking[slices.IndexFunc(ranking, func(id int) bool { return set&(1<<id) != 0 })]
	}
	return tops
}

func (s *search) place(placed, from int) bool {
	if placed == s.buckets {
		return s.balanced()
	}
	// Names of shards do not matter, so the first ranking is fixed.
	to := len(s.tops)
	if placed == 0 {
		to = 1
	}
	for i := from; i < to; i++ {
		fits := s.add(s.tops[i], 1)
		if fits && s.place(placed+1, i) {
			return true
		}
		s.add(s.tops[i], -1)
	}
	return false
}

func (s *search) add(tops []int, n int) (fits bool) {
	fits = true
	for i, id := range tops {
		s.count[i][id] += n
		members := bits.OnesCount(uint(s.sets[i]))
		fits = fits && s.count[i][id] <= (s.buckets+members-1)/members
	}
	return fits
}

func (s *search) balanced() bool {
	for i, set := range s.sets {
		for id, n := range s.count[i] {
			if set&(1<<id) != 0 && n < s.buckets/bits.OnesCount(uint(set)) {
				return false
			}
		}
	}
	return true
}

func permutations(ids []int, fixed int, visit func([]int)) {
	if fixed == len(ids) {
		visit(ids)
		return
	}
	for i := fixed; i < len(ids); i++ {
		ids[fixed], ids[i] = ids[i], ids[fixed]
		permutations(ids, fixed+1, visit)
		ids[fixed], ids[i] = ids[i], ids[fixed]
	}
}
