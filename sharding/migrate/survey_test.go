package migrate

import (
	"testing"

	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

// surveyOf is what shards with these ids know of 12 buckets that began on 3.
func surveyOf(ids []int, known map[int]knowledge) *survey {
	m := &shardmap.Map{Buckets: 12, InitialShards: 3}
	var all []knowledge
	for _, id := range ids {
		m.Shards = append(m.Shards, shardmap.Shard{ID: id})
		all = append(all, known[id])
	}
	return combine(m, all)
}

// base is what a shard knows after its first migration.
func base(id int) knowledge {
	var k knowledge
	for bucket := id; bucket < 12; bucket += 3 {
		k.news = append(k.news, news{int32(bucket), 1, id, false})
	}
	return k
}

// with adds later news.
func (k knowledge) with(more ...news) knowledge {
	k.news = append(append([]news(nil), k.news...), more...)
	return k
}

func TestMapsThatWouldLoseData(t *testing.T) {
	whole := map[int]knowledge{0: base(0), 1: base(1), 2: base(2)}
	drained := map[int]knowledge{
		0: base(0).with(news{2, 5, 0, false}, news{5, 5, 0, false}), 1: base(1).with(news{8, 5, 1, false}, news{11, 5, 1, false}),
		2: base(2).with(news{2, 3, 0, false}, news{5, 3, 0, false}, news{8, 3, 1, false}, news{11, 3, 1, false}),
	}
	for name, c := range map[string]struct {
		ids   []int
		known map[int]knowledge
		want  string
	}{
		"as it is":             {[]int{0, 1, 2}, whole, ""},
		"a new shard":          {[]int{0, 1, 2, 3}, whole, ""},
		"a new cluster":        {[]int{0, 1, 2}, nil, ""},
		"a drained shard left": {[]int{0, 1, 2}, drained, ""},
		"a drained shard gone": {[]int{0, 1}, drained, ""},
		"a shard in the middle gone": {[]int{0, 2}, map[int]knowledge{
			0: base(0).with(news{1, 5, 0, false}, news{4, 5, 0, false}), 2: base(2).with(news{7, 5, 2, false}, news{10, 5, 2, false})}, ""},
		"an owner in the middle": {[]int{0, 2}, whole, "refused: shard 1 is not in the map and owns 4 buckets (1, 4, 7, 10): drain it first"},
		"an owner":               {[]int{0, 1}, whole, "refused: shard 2 is not in the map and owns 4 buckets (2, 5, 8, 11): drain it first"},
		"two owners": {[]int{2}, whole, "refused: shard 0 is not in the map and owns 4 buckets (0, 3, 6, 9): drain it first\n" +
			"shard 1 is not in the map and owns 4 buckets (1, 4, 7, 10): drain it first"},
		"the owner of one": {[]int{0, 1, 2}, map[int]knowledge{0: base(0), 1: base(1).with(news{4, 3, 7, false}), 2: base(2)},
			"refused: shard 7 is not in the map and owns bucket 4: drain it first"},
		"handed over, not yet taken": {[]int{0, 1}, map[int]knowledge{0: base(0).with(news{3, 3, 1, false}), 1: base(1).with(news{2, 5, 1, false}, news{5, 5, 1, false}, news{8, 5, 1, false}, news{11, 5, 1, false})}, ""},
		"old news of another owner":  {[]int{0, 1, 2}, map[int]knowledge{0: base(0).with(news{3, 9, 0, false}), 1: base(1).with(news{3, 7, 5, false}), 2: base(2)}, ""},
		"a move under way": {[]int{0, 1, 2}, map[int]knowledge{0: base(0), 1: {news: base(1).news, moves: []int{1, 5}}, 2: base(2)},
			"refused: shard 5 is not in the map and a move from or to it has not ended: let reshard end it first"},
		"a new cluster with too few": {[]int{0, 1}, nil, "refused: shard 2 is not in the map and owns 4 buckets (2, 5, 8, 11): drain it first"},
	} {
		t.Run(name, func(t *testing.T) {
			err := surveyOf(c.ids, c.known).refuse()
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			var refused *RefusedError
			require.ErrorAs(t, err, &refused)
			require.EqualError(t, err, c.want)
		})
	}
}

func TestAnEmptyServerTakesWhatNobodyEverHad(t *testing.T) {
	require.Equal(t, []int32{1, 4, 7, 10}, surveyOf([]int{0, 1, 2}, nil).vacant(1))
	require.Empty(t, surveyOf([]int{0, 1, 2, 3}, nil).vacant(3))
	others := map[int]knowledge{0: base(0).with(news{1, 5, 0, false}), 2: base(2).with(news{4, 5, 2, false}, news{7, 5, 2, false}, news{10, 5, 2, false})}
	require.Empty(t, surveyOf([]int{0, 1, 2}, others).vacant(1), "all that was its own has moved")
}

func TestAShardFromBeforeAMove(t *testing.T) {
	s := surveyOf([]int{0, 1, 2}, map[int]knowledge{
		0: base(0).with(news{0, 1, 0, true}, news{3, 1, 0, true}),
		1: base(1).with(news{0, 4, 1, true}, news{3, 4, 1, true}),
		2: base(2),
	})
	require.ErrorContains(t, s.refuse(), "refused: shards 0 and 1 both own 2 buckets (0, 3), and shard 1 since later: shard 0 was restored from before a move. Fix: ")
}

// A shard that was there and is an empty database now was lost, and takes none of its
// buckets; what was never there yet is founded.
func TestShardsThatWereLost(t *testing.T) {
	shard := func(id int) knowledge { k := base(id); k.claimed = true; return k }
	founded := func(id int) knowledge { k := shard(id); k.founded = true; return k }
	for name, c := range map[string]struct {
		known map[int]knowledge
		anew  []int
		want  string
	}{
		"a new cluster":                       {nil, nil, ""},
		"one that was killed":                 {map[int]knowledge{0: shard(0)}, nil, ""},
		"one that was killed before its note": {map[int]knowledge{0: shard(0), 1: shard(1), 2: shard(2)}, nil, ""},
		"a shard that joins":                  {map[int]knowledge{0: founded(0), 1: founded(1), 2: founded(2)}, nil, ""},
		"the first": {map[int]knowledge{1: shard(1)}, nil, "refused: shard 0 was a shard and is an empty database now: its volume was lost, and with it the rows of 4 buckets (0, 3, 6, 9). " +
			"Fix: restore it (postgres.restore), or give its users up with shardctl migrate --found-anew 0"},
		"the last, which only a note tells": {map[int]knowledge{0: shard(0), 1: founded(1)}, nil, "refused: shard 2 was a shard and is an empty database now"},
		"one whose buckets had all moved": {map[int]knowledge{0: founded(0).with(news{1, 3, 0, true}, news{4, 3, 0, true}, news{7, 3, 0, true}, news{10, 3, 0, true}),
			2: founded(2)}, nil, ""},
		"one that is given up":     {map[int]knowledge{0: founded(0), 1: founded(1)}, []int{2}, ""},
		"another that is given up": {map[int]knowledge{0: founded(0), 1: founded(1)}, []int{1}, "refused: shard 2 was a shard"},
		"one that is there":        {map[int]knowledge{0: founded(0), 1: founded(1), 2: founded(2)}, []int{1}, "refused: shard 1 is not lost, and is not founded anew"},
		"one that was never there": {map[int]knowledge{0: shard(0)}, []int{1}, "refused: shard 1 is not lost, and is not founded anew"},
	} {
		t.Run(name, func(t *testing.T) {
			s := surveyOf([]int{0, 1, 2, 3}, c.known)
			s.anew = c.anew
			err := s.refuse()
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
		})
	}
}
