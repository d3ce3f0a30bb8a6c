package reshard

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// sampleEvery is how often a mover looks at a copy, and reportEvery how often it logs
// that.
const (
	sampleEvery = 200 * time.Millisecond
	reportEvery = 10 * time.Second
)

// tracker collects what a mover does, for its log, its metrics and its callers. Several
// moves report to it at once.
type tracker struct {
	options Options
	metrics *metrics

	mu             sync.Mutex
	buckets, moved int
	// underWay are the moves, by their source.
	underWay map[int]*tracked
	// noWayBack are the moves whose stream back was found to be broken.
	noWayBack map[string]bool
	// shares are those at which work on the shards last ended.
	shares map[int]float64
}

// tracked is a move under way.
type tracked struct {
	MoveProgress
	tables            map[uint32]tableCopy
	sampled, reported time.Time
	// slowTold is when the log last said that the move is slowed down.
	slowTold time.Time
}

func newTracker(o Options) *tracker {
	return &tracker{options: o, metrics: newMetrics(o.Metrics), underWay: map[int]*tracked{}, noWayBack: map[string]bool{}, shares: map[int]float64{}}
}

// change makes a change and passes it on, one at a time.
func (t *tracker) change(by func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	by()
	p := Progress{Buckets: t.buckets, Moved: t.moved}
	for _, source := range slices.Sorted(maps.Keys(t.underWay)) {
		p.Moves = append(p.Moves, t.underWay[source].MoveProgress)
	}
	t.metrics.progress(p)
	t.options.OnProgress(p)
}

// broken records that the move's stream back is broken, and reports whether that was
// known.
func (t *tracker) broken(mv *Move) (known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known = t.noWayBack[mv.String()]
	t.noWayBack[mv.String()] = true
	return known
}

func (t *tracker) begin() {
	t.change(func() { t.buckets, t.moved, t.underWay = 0, 0, map[int]*tracked{} })
}

func (t *tracker) planned(buckets int) { t.change(func() { t.buckets += buckets }) }

// expect estimates the move's rows from its share of what its source has.
func (t *tracker) expect(size *reading, mv *Move) {
	t.change(func() { t.of(mv).Expected = size.share(len(mv.Buckets)).Rows })
}

// of returns the move among those under way; the caller holds the lock.
func (t *tracker) of(mv *Move) *tracked {
	one, found := t.underWay[mv.Source]
	if !found || one.Move.ID != mv.ID {
		one = &tracked{tables: map[uint32]tableCopy{}, reported: time.Now()}
		t.underWay[mv.Source] = one
	}
	one.Move = *mv
	return one
}

// reached is called with every state.
func (t *tracker) reached(mv *Move) {
	t.change(func() {
		one := t.of(mv)
		switch mv.State {
		case Copied:
			one.Copy.Done = one.Copy.Tables
		case Complete:
			t.moved += len(mv.Buckets)
		}
		if mv.State.Done() {
			t.metrics.moved(mv)
			delete(t.underWay, mv.Source)
		}
	})
	t.options.OnState(*mv)
}

// sample looks at a copy from time to time.
func (t *tracker) sample(ctx context.Context, s stream) error {
	if !t.due(s.mv) {
		return nil
	}
	copies, err := readTableCopies(ctx, s.to, s.name)
	if err != nil {
		return err
	}
	lags, err := readLags(ctx, s.from)
	if err != nil {
		return err
	}
	t.change(func() {
		one := t.of(s.mv)
		one.Copy, one.Lag = one.merge(copies), lags[s.name]
		if time.Since(one.reported) > reportEvery {
			one.reported = time.Now()
			t.options.Log.Info("copying", "move", one.Move.String(), "tables", one.Copy.Tables, "copied", one.Copy.Done,
				"rows", one.Copy.Rows, "of_about", one.Expected, "bytes", one.Copy.Bytes, "lag_bytes", one.Lag)
		}
	})
	return nil
}

// paced records how fast the mover works on the shards of a move.
func (t *tracker) paced(mv *Move, paces map[int]pace, slow string) {
	t.change(func() {
		one := t.of(mv)
		for shard, p := range paces {
			t.shares[shard] = p.share
			t.metrics.pace(t.options.Map.Shard(shard).Name, p)
		}
		if one.Slow = slow; slow != "" && time.Since(one.slowTold) > reportEvery {
			one.slowTold = time.Now()
			t.options.Log.Info("holding back", "move", one.Move.String(), "state", mv.State, "shares", slow)
		}
	})
}

// share is the share of its time that the mover last worked on a shard.
func (t *tracker) share(shard int) float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if share, known := t.shares[shard]; known {
		return share
	}
	return 1
}

func (t *tracker) due(mv *Move) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.of(mv)
	if time.Since(one.sampled) < sampleEvery {
		return false
	}
	one.sampled = time.Now()
	return true
}

// merge keeps what was seen of tables whose copy has ended, because the server forgets
// it.
func (t *tracked) merge(copies []tableCopy) Copy {
	for _, c := range copies {
		before := t.tables[c.Table]
		c.Rows, c.Bytes = max(c.Rows, before.Rows), max(c.Bytes, before.Bytes)
		t.tables[c.Table] = c
	}
	return sum(slices.Collect(maps.Values(t.tables)))
}
