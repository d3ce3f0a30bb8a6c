package relay

import (
	"cmp"
	"errors"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// lane publishes one topic of a shard. Lanes know nothing of each other: a topic
// that is gone, refused or slow holds up its own events only.
type lane struct {
	topic string
	// next is where the next batch begins; round and round over all users, so that
	// none waits behind those that change all the time.
	next position
	// limit is the size of a batch. It shrinks to find an event that Kafka refuses.
	limit int
	// suspect means that an event was refused which may have had company of other shards.
	suspect bool
	// busy means that a batch is on its way.
	busy bool
	// rest is until when nothing is tried.
	rest time.Time
}

func newLane(topic string, limit int) *lane {
	return &lane{topic: topic, next: beginning, limit: limit}
}

func (l *lane) idle(now time.Time) bool { return !l.busy && now.After(l.rest) }

// advance notes that rows were read from next on.
func (l *lane) advance(rows []row) {
	l.next = beginning
	if len(rows) == l.limit {
		l.next = rows[len(rows)-1].position()
	}
}

// pass goes on behind rows that Kafka does not take: others may be for another partition.
// Further ones of the last user are not, and must not come before its first.
func (l *lane) pass(rows []row) {
	if l.next != beginning {
		l.next = position{rows[len(rows)-1].UserID, math.MaxInt64}
	}
}

// batch is what became of rows that were sent.
type batch struct {
	lane    *lane
	rows    []row
	records []*kgo.Record
	// alone keeps it apart from what other shards send.
	alone   bool
	results kgo.ProduceResults
}

// sort returns the rows that are in Kafka and have no predecessor that is not, and
// why the others are not there. A refusal of the event goes before others.
func (b *batch) sort() (published []row, failure error) {
	errs := make(map[*kgo.Record]error, len(b.results))
	for _, result := range b.results {
		errs[result.Record] = result.Err
	}
	stuck := map[int64]bool{}
	for i, r := range b.rows {
		err := errs[b.records[i]]
		if err == nil && !stuck[r.UserID] {
			published = append(published, r)
			continue
		}
		stuck[r.UserID] = true
		if isPoison(err) && !isPoison(failure) {
			failure = err
		}
		failure = cmp.Or(failure, err)
	}
	return published, failure
}

// isPoison holds for what is wrong with an event itself: no waiting helps. Its timestamp is
// the time of publishing, so that a refusal of that tells of a clock.
func isPoison(err error) bool {
	for _, refusal := range []error{kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}
