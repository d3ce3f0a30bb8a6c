package reshard

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// historyRuns takes some seconds.
const historyRuns = 150

// Whatever moves were made, are under way or were taken back: shards that nobody has
// restored need nothing, and those that were restored to any moments of any of their
// histories end with one owner of each bucket that has rows, or with a person's decision.
func TestReconciliationOfRandomHistories(t *testing.T) {
	first := uint64(time.Now().UnixNano()) % 1_000_000
	if text := os.Getenv("SCALESTACK_TEST_SEED"); text != "" {
		seed, err := strconv.Atoi(text)
		require.NoError(t, err)
		first = uint64(seed)
	}
	found := map[kind]int{}
	for n := range historyRuns {
		seed := first + uint64(n)
		random := rand.New(rand.NewPCG(11, seed))
		w := newWorld(random, 2+random.IntN(3), 6)
		for round := range 4 {
			for range 5 + random.IntN(120) {
				w.step()
				requireQuiet(t, w, seed, round)
			}
			w.takeToPast()
			reconcile(t, w, seed, found, 0)
		}
	}
	for _, k := range []kind{sound, moving, twice, takenBack, cameBack, given, lost, older} {
		require.NotZero(t, found[k], "the histories have none of kind %d", k)
	}
}

func requireQuiet(t *testing.T, w *world, seed uint64, round int) {
	t.Helper()
	j := w.judge(nil)
	require.Empty(t, j.unsound(), "seed %d, round %d, clock %d", seed, round, w.clock)
	require.Empty(t, j.ends, "seed %d, round %d, clock %d", seed, round, w.clock)
	for _, r := range j.rulings {
		if r.kind == sound {
			require.True(t, w.shards[r.keeper].rows[r.bucket].whole, "seed %d, clock %d, bucket %d: %s", seed, w.clock, r.bucket, w.tell(r.bucket))
		}
	}
	drops, claims := j.writes()
	require.Empty(t, drops)
	require.Empty(t, claims)
}

func reconcile(t *testing.T, w *world, seed uint64, found map[kind]int, depth int) {
	t.Helper()
	message := fmt.Sprintf("seed %d, clock %d", seed, w.clock)
	first := w.judge(nil)
	requireLatest(t, w, first, message)
	before := make([]string, w.buckets)
	for bucket := range before {
		before[bucket] = w.tell(int32(bucket))
	}
	for _, r := range first.rulings {
		found[r.kind]++
	}
	// Killed some times, then let through.
	for w.random.IntN(3) > 0 {
		w.apply(w.judge(nil), w.random.IntN(8))
	}
	require.True(t, w.apply(w.judge(nil), math.MaxInt))
	second := w.judge(nil)
	give := map[int32]int{}
	for i, r := range second.rulings {
		// What a person has to decide is there to be decided, however often it was killed.
		require.Equal(t, first.rulings[i].kind.decided(), r.kind.decided(), "%s, bucket %d: %s\nafter:%s", message, i, before[i], w.tell(int32(i)))
		if !r.kind.decided() {
			require.True(t, r.kind.givable(), message)
			give[r.bucket] = w.random.IntN(len(w.shards))
			continue
		}
		require.Contains(t, []kind{sound, moving}, r.kind, "%s, bucket %d", message, i)
		if r.kind == sound {
			require.True(t, w.shards[r.keeper].rows[r.bucket].whole, "%s: shard %d does not have all rows of bucket %d: %s", message, r.keeper, i, before[i])
		}
	}
	if len(give) == 0 {
		require.Empty(t, second.ends, message)
		return
	}
	for bucket, to := range give {
		c := w.shards[to].rows[bucket]
		w.shards[to].rows[bucket] = copyOf{c.writes, true}
	}
	third := w.judge(give)
	for _, r := range third.rulings {
		found[r.kind]++
	}
	// Killed some times, and taken up by somebody who may decide otherwise.
	for range w.random.IntN(4) {
		w.apply(w.judge(give), w.random.IntN(8))
		w.changeMind(give)
	}
	require.True(t, w.apply(w.judge(give), math.MaxInt))
	last := w.judge(give)
	require.Empty(t, last.misgiven, message)
	for bucket, to := range give {
		require.Equal(t, to, last.rulings[bucket].keeper, message)
	}
	// The end of a given bucket's move may leave another one of that move to be decided.
	if left := last.unsound(); len(left) > 0 {
		require.Less(t, depth, 3, message)
		reconcile(t, w, seed, found, depth+1)
		return
	}
	require.Empty(t, last.ends, message)
}

// A person has given the bucket to shard 0, and the reconciliation was killed when the
// source had been told so: its old hand-over must not bring the bucket back to it.
func TestTheSourceOfAHandOverWasToldOfADecision(t *testing.T) {
	told := holding{5, "moved", era - 1, 0}
	reports := []report{
		{shard: 0},
		{shard: 1, holdings: map[int32]holding{5: told}, moves: []*Move{{ID: 4, Source: 1, Target: 2, Buckets: []int32{5}, State: HandedOver}}},
		{shard: 2, holdings: map[int32]holding{5: told}},
	}
	require.Equal(t, lost, judge(6, reports, nil, 1).rulings[5].kind)
	j := judge(6, reports, map[int32]int{5: 0}, 1)
	require.Equal(t, given, j.rulings[5].kind)
	require.Equal(t, 0, j.rulings[5].keeper)
	require.Empty(t, j.misgiven)
}

// requireLatest checks by the clock of the world, which no shard knows.
func requireLatest(t *testing.T, w *world, j *judgement, message string) {
	t.Helper()
	for _, r := range j.rulings {
		if r.kind != twice && r.kind != sound {
			continue
		}
		for id, m := range w.shards {
			if m.holdings[r.bucket].here() && id != r.keeper {
				require.Less(t, m.since[r.bucket], w.shards[r.keeper].since[r.bucket], "%s: bucket %d stays with shard %d: %s", message, r.bucket, r.keeper, w.tell(r.bucket))
			}
		}
	}
}
