package reshard

import (
	"fmt"
	"strings"
)

// Progress is how far a mover is.
type Progress struct {
	// Buckets is how many have to move in this run, as far as known, and Moved how many
	// have moved.
	Buckets, Moved int
	// Moves are those under way, by ascending source.
	Moves []MoveProgress
}

// MoveProgress is how far one move is.
type MoveProgress struct {
	Move Move
	// Expected is the approximate number of rows of its buckets.
	Expected int64
	// Copy is the progress of its copy, and Lag how many bytes of the source's log its
	// target is behind.
	Copy Copy
	Lag  int64
	// Slow says on which shards the mover is slowed down, and why; "" at full speed.
	Slow string
}

// Copy is how far the copying of tables has come.
type Copy struct {
	// Tables is how many tables are copied, and Done how many of them are finished.
	Tables, Done int
	// Rows and Bytes were seen while they were copied.
	Rows, Bytes int64
}

// Share is how much has moved, from 0 to 1, including the copies of the moves under
// way.
func (p Progress) Share() float64 {
	if p.Buckets == 0 {
		return 1
	}
	moved := float64(p.Moved)
	for _, one := range p.Moves {
		moved += one.share() * float64(len(one.Move.Buckets))
	}
	return moved / float64(p.Buckets)
}

// share is 1 once all rows are copied: the rest takes only moments.
func (p MoveProgress) share() float64 {
	switch p.Move.State {
	case Copied, CaughtUp, Verified, Armed, Fenced, Drained, HandedOver, Switched, Observed:
		return 1
	case Prepared:
		return min(1, float64(p.Copy.Rows)/float64(max(1, p.Expected)))
	}
	return 0
}

// String returns the progress in one line.
func (p Progress) String() string {
	parts := []string{fmt.Sprintf("%d of %d buckets moved", p.Moved, p.Buckets)}
	for _, one := range p.Moves {
		parts = append(parts, one.String())
	}
	return strings.Join(parts, "; ")
}

// String says in one line what is under way.
func (p MoveProgress) String() string {
	text := fmt.Sprintf("%s is %s", &p.Move, p.Move.State)
	if p.Move.State == Prepared && p.Copy.Rows > 0 {
		text += fmt.Sprintf(", copying %d of about %d rows", p.Copy.Rows, p.Expected)
	}
	if p.Lag > 0 {
		text += fmt.Sprintf(", %d bytes behind", p.Lag)
	}
	if p.Slow != "" {
		text += ", held back: " + p.Slow
	}
	return text
}
