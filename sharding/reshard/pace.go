package reshard

import (
	"fmt"
	"slices"
	"time"
)

const (
	// leastShare is the share of the time that is always worked, so that a move ends.
	// shareStep is how much the share grows after a calm second.
	leastShare = 1.0 / 8
	shareStep  = 1.0 / 16
	// Commits may take tolerableTimes as long as before the move, or tolerableMore
	// longer: users do not notice that two milliseconds have become five.
	tolerableTimes = 2
	tolerableMore  = 5 * time.Millisecond
	// judgedOver is how long a commit counts, and judgedBy how many commits a judgement
	// needs.
	judgedOver = 5 * time.Second
	judgedBy   = 20
	judgeEvery = time.Second
	// resignAfter is how long the mover works its least share before it accepts the
	// current commit times as those that the server has without it.
	resignAfter = 30 * time.Second
)

// pace decides which share of its time a mover works on a server. The share is halved
// when commits there become slow and grows step by step while they are not, like TCP's
// congestion control.
type pace struct {
	share float64
	// before is the 99th percentile of commits without the mover's work, and now the
	// latest one with it.
	before, now time.Duration
	commits     []commit
	// judged is when commits were last judged, and least since when the share has been
	// at its least in vain.
	judged, least time.Time
}

// commit is how long one commit took.
type commit struct {
	at   time.Time
	took time.Duration
}

// tolerable is how long commits may take.
func (p *pace) tolerable() time.Duration {
	return max(tolerableTimes*p.before, p.before+tolerableMore)
}

// known sets the baseline from commits made before the work.
func (p *pace) known(before []time.Duration) { p.before, p.now = late(before), 0 }

// took records a commit and judges from time to time. A slow commit also counts for
// those that would have been made meanwhile.
func (p *pace) took(at time.Time, took, every time.Duration) {
	for ; took > 0; took -= every {
		p.commits = append(p.commits, commit{at, took})
	}
	p.commits = slices.DeleteFunc(p.commits, func(c commit) bool { return at.Sub(c.at) > judgedOver })
	if len(p.commits) >= judgedBy && at.Sub(p.judged) >= judgeEvery {
		p.judge(at)
	}
}

func (p *pace) judge(at time.Time) {
	p.judged = at
	times := make([]time.Duration, len(p.commits))
	for i, c := range p.commits {
		times[i] = c.took
	}
	p.now = late(times)
	if p.now <= p.tolerable() {
		p.share, p.least = min(1, p.share+shareStep), time.Time{}
		return
	}
	// These say nothing about the new share.
	p.commits = p.commits[:0]
	switch {
	case p.share > leastShare:
		p.share = max(leastShare, p.share/2)
	case p.least.IsZero():
		p.least = at
	case at.Sub(p.least) >= resignAfter:
		p.before, p.least = p.now, time.Time{}
	}
}

// blind is for a server whose commits cannot be measured.
func (p *pace) blind() { p.share, p.commits = leastShare, p.commits[:0] }

// String is empty at full speed.
func (p *pace) String() string {
	if p.share == 1 {
		return ""
	}
	return fmt.Sprintf("%.0f %% (commits %s, before %s)", 100*p.share, brief(p.now), brief(p.before))
}

func brief(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }

// late is the 99th percentile; of 200 commits or fewer it is the second slowest, since
// one slow commit says little.
func late(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[min(len(times)*99/100, max(0, len(times)-2))]
}

// partOf makes a part of the work smaller with the share, down to an eighth of the
// whole: users wait for one part at a time, not for an average.
func partOf(whole int64, share float64) int64 { return max(1, int64(float64(whole)*share)) }

// restAfter is how long to rest after work, so that work is that share of both. One
// part that took very long must not cause an endless rest.
func restAfter(worked time.Duration, share float64) time.Duration {
	return min(longestRest, time.Duration(float64(worked)*(1/share-1)))
}

const longestRest = time.Second
