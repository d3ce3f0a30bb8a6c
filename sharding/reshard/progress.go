package reshard

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// sampleEvery is how often a mover looks at a copy, and reportEvery how often it
// says so in its log.
const (
	sampleEvery = 200 * time.Millisecond
	reportEvery = 10 * time.Second
)

// Progress is how far a mover is.
type Progress struct {
	// Buckets is how many have to move in this run, as far as it is known, and
	// Moved how many have.
	Buckets, Moved int
	// Move is the one under way.
	Move Move
	// Expected is about how many rows its buckets have.
	Expected int64
	// Copy is its copy, and Lag by how many bytes of the source's log its target
	// is behind.
	Copy Copy
	Lag  int64
}

// Share is how much has moved, from 0 to 1, the copy of the move under way
// included.
func (p Progress) Share() float64 {
	if p.Buckets == 0 {
		return 1
	}
	return (float64(p.Moved) + p.underWay()*float64(len(p.Move.Buckets))) / float64(p.Buckets)
}

// underWay is 1 once all rows were copied: what follows takes moments.
func (p Progress) underWay() float64 {
	switch p.Move.State {
	case Copied, CaughtUp, Verified, Armed, Fenced, Drained, HandedOver, Switched, Observed:
		return 1
	case Prepared:
		return min(1, float64(p.Copy.Rows)/float64(max(1, p.Expected)))
	}
	return 0
}

// String says it in one line.
func (p Progress) String() string {
	text := fmt.Sprintf("%d of %d buckets moved", p.Moved, p.Buckets)
	if p.Move.State == "" || p.Move.State.Done() {
		return text
	}
	return text + "; " + p.detail()
}

func (p Progress) detail() string {
	text := fmt.Sprintf("%s is %s", &p.Move, p.Move.State)
	if p.Move.State == Prepared && p.Copy.Rows > 0 {
		text += fmt.Sprintf(", copying %d of about %d rows", p.Copy.Rows, p.Expected)
	}
	if p.Lag > 0 {
		text += fmt.Sprintf(", %d bytes behind", p.Lag)
	}
	return text
}

// Copy is how far the copying of tables has come.
type Copy struct {
	// Tables is how many are copied, and Done how many have been.
	Tables, Done int
	// Rows and Bytes are those that were seen on their way.
	Rows, Bytes int64
}

// tracker adds up what a mover does, for its log, its metrics and whoever
// watches.
type tracker struct {
	options  Options
	metrics  *metrics
	now      Progress
	tables   map[uint32]tableCopy
	sampled  time.Time
	reported time.Time
	// noWayBack is the move whose stream back was found broken.
	noWayBack string
}

// broken notes that the move's stream back is, and says whether that is known.
func (t *tracker) broken(mv *Move) (known bool) {
	known = t.noWayBack == mv.String()
	t.noWayBack = mv.String()
	return known
}

// tell passes on what has changed.
func (t *tracker) tell() {
	t.metrics.progress(t.now)
	t.options.OnProgress(t.now)
}

func (t *tracker) begin() { t.now = Progress{}; t.tell() }

func (t *tracker) planned(buckets int) { t.now.Buckets += buckets; t.tell() }

// expect takes the move's share of what its source has.
func (t *tracker) expect(size *reading, mv *Move) {
	t.now.Expected = size.share(len(mv.Buckets)).Rows
}

// reached is called with every state.
func (t *tracker) reached(mv *Move) {
	if mv.ID != t.now.Move.ID || mv.Source != t.now.Move.Source {
		t.now.Expected, t.now.Copy, t.now.Lag, t.tables = 0, Copy{}, 0, map[uint32]tableCopy{}
		t.reported = time.Now()
	}
	t.now.Move = *mv
	switch mv.State {
	case Copied:
		t.now.Copy.Done = t.now.Copy.Tables
	case Complete:
		t.now.Moved += len(mv.Buckets)
		t.metrics.moved(mv)
	case Aborted, RolledBack:
		t.metrics.moved(mv)
	}
	t.tell()
	t.options.OnState(*mv)
}

// sample looks at a copy now and then.
func (t *tracker) sample(ctx context.Context, s stream) error {
	if time.Since(t.sampled) < sampleEvery {
		return nil
	}
	t.sampled = time.Now()
	copies, err := readTableCopies(ctx, s.to, s.name)
	if err != nil {
		return err
	}
	lags, err := readLags(ctx, s.from)
	if err != nil {
		return err
	}
	t.now.Copy, t.now.Lag = t.merge(copies), lags[s.name]
	t.tell()
	if time.Since(t.reported) > reportEvery {
		t.reported = time.Now()
		t.options.Log.Info("copying", "move", t.now.Move.String(), "tables", t.now.Copy.Tables, "copied", t.now.Copy.Done,
			"rows", t.now.Copy.Rows, "of_about", t.now.Expected, "bytes", t.now.Copy.Bytes, "lag_bytes", t.now.Lag)
	}
	return nil
}

// merge keeps what was seen of tables whose copy has ended: the server forgets it.
func (t *tracker) merge(copies []tableCopy) Copy {
	for _, c := range copies {
		before := t.tables[c.Table]
		c.Rows, c.Bytes = max(c.Rows, before.Rows), max(c.Bytes, before.Bytes)
		t.tables[c.Table] = c
	}
	return sum(slices.Collect(maps.Values(t.tables)))
}
