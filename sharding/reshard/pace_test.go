package reshard

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// road drives a pace by a clock of its own.
type road struct {
	pace
	at time.Time
}

func newRoad(before time.Duration) *road {
	r := &road{pace{share: 1}, time.Unix(0, 0)}
	times := make([]time.Duration, baseline)
	for i := range times {
		times[i] = before
	}
	r.known(times)
	return r
}

// drive has commits take so long for some seconds, and returns the shares that were.
func (r *road) drive(seconds int, took time.Duration) (shares []float64) {
	for range seconds * int(time.Second/probeEvery) {
		r.at = r.at.Add(probeEvery)
		before := r.share
		r.took(r.at, took, probeEvery)
		if r.share != before {
			shares = append(shares, r.share)
		}
	}
	return shares
}

func TestThePaceOfACalmServerStaysFull(t *testing.T) {
	r := newRoad(2 * time.Millisecond)
	require.Empty(t, r.drive(60, 6*time.Millisecond), "commits of 2 ms may take 7")
	require.Empty(t, r.String())
}

func TestThePaceIsHalvedAndGrowsByOneStep(t *testing.T) {
	r := newRoad(10 * time.Millisecond)
	require.Equal(t, []float64{0.5, 0.25, 0.125}, r.drive(3, 30*time.Millisecond))
	require.Equal(t, "12 % (commits 30ms, before 10ms)", r.String())
	require.Empty(t, r.drive(20, 30*time.Millisecond), "the floor")
	grown := r.drive(20, 15*time.Millisecond)
	require.Len(t, grown, 14)
	for i, share := range grown {
		require.InDelta(t, leastShare+float64(i+1)*shareStep, share, 1e-9)
	}
	require.Equal(t, 1.0, r.share, "the ceiling")
	require.Empty(t, r.drive(60, 15*time.Millisecond))
}

func TestOneSlowCommitSaysLittle(t *testing.T) {
	r := newRoad(2 * time.Millisecond)
	for range 10 {
		r.at = r.at.Add(probeEvery)
		r.took(r.at, 49*time.Millisecond, probeEvery)
		require.Empty(t, r.drive(6, 2*time.Millisecond))
	}
}

// A server that lets nobody commit for a second is asked once in that time, and would have
// been asked twenty times.
func TestACommitThatHangsCountsForThoseItHasHeldUp(t *testing.T) {
	r := newRoad(2 * time.Millisecond)
	r.drive(10, 2*time.Millisecond)
	r.at = r.at.Add(time.Second)
	r.took(r.at, time.Second, probeEvery)
	require.Equal(t, 0.5, r.share)
}

// Users who have become more by themselves do not hold a move back for the whole day.
func TestThePaceGetsUsedToWhatItDoesNotCause(t *testing.T) {
	r := newRoad(5 * time.Millisecond)
	r.drive(10, 40*time.Millisecond)
	require.Equal(t, leastShare, r.share)
	r.drive(120, 40*time.Millisecond)
	require.Equal(t, 1.0, r.share)
	require.Equal(t, 40*time.Millisecond, r.before)
	require.NotEmpty(t, r.drive(5, 100*time.Millisecond), "what comes on top is heeded still")
}

func TestAServerThatCannotBeAskedIsWorkedOnLittle(t *testing.T) {
	r := newRoad(2 * time.Millisecond)
	r.blind()
	require.Equal(t, leastShare, r.share)
	require.NotEmpty(t, r.drive(5, 2*time.Millisecond))
}

func TestPartsAndRests(t *testing.T) {
	require.Equal(t, int64(purgePages), partOf(purgePages, 1))
	require.Equal(t, int64(16), partOf(purgePages, leastShare))
	require.Equal(t, int64(1), partOf(2, leastShare))
	require.Zero(t, restAfter(time.Hour, 1))
	require.Equal(t, 70*time.Millisecond, restAfter(10*time.Millisecond, leastShare))
	require.Equal(t, longestRest, restAfter(time.Minute, leastShare))
}

func TestLate(t *testing.T) {
	var times []time.Duration
	for i := range 1000 {
		times = append(times, time.Duration(i))
	}
	require.Equal(t, time.Duration(990), late(times))
	require.Equal(t, time.Duration(98), late(times[:100]))
	require.Equal(t, time.Duration(0), late(times[:1]))
}

// A rest is where an operator is heeded in the middle of the work, at full speed too.
func TestARestHeedsTheOperator(t *testing.T) {
	for _, one := range []struct {
		state  State
		wanted Wanted
		err    error
	}{
		{CaughtUp, "", nil}, {CaughtUp, WantPause, errPaused}, {CaughtUp, WantAbort, errUnwanted},
		{Aborting, WantAbort, nil}, {Returning, WantAbort, nil}, {Returning, WantPause, errStay},
	} {
		p := &pacing{m: &Mover{fixed: 1}, mv: &Move{State: one.state}, wanted: one.wanted}
		require.ErrorIs(t, p.wish(), one.err, "%s, %q", one.state, one.wanted)
		if one.err != nil {
			require.ErrorIs(t, p.rest(t.Context(), idle), one.err)
		}
	}
}
