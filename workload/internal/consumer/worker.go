package consumer

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// chunk is how many records of a partition are worked on before the next
	// ones: what they have done is marked together.
	chunk = 100
	// A partition with so much waiting is not fetched, until it has less.
	highWater, lowWater = 1000, 200
)

// worker works on one partition, in a goroutine of its own.
type worker struct {
	group *Group
	at    partition
	// stopping ends pauses between attempts.
	stopping context.Context
	cancel   context.CancelFunc
	ended    chan struct{}
	// more has a token when there may be new records.
	more chan struct{}

	mu     sync.Mutex
	queue  []*kgo.Record
	paused bool
	// begun is the last place in the chunk that work was begun at. When it stops,
	// only what lies before is begun: whatever is done then can be marked.
	begun   int
	stopped bool
}

func startWorker(g *Group, at partition) *worker {
	w := &worker{group: g, at: at, ended: make(chan struct{}), more: make(chan struct{}, 1)}
	w.stopping, w.cancel = context.WithCancel(context.Background())
	go w.run()
	return w
}

// stop returns when nothing runs any more, and what was done is marked.
func (w *worker) stop() {
	w.mu.Lock()
	w.stopped = true
	w.mu.Unlock()
	w.cancel()
	<-w.ended
	// The partition may come back to us.
	w.group.client.ResumeFetchPartitions(map[string][]int32{w.at.topic: {w.at.id}})
}

// mayBegin says whether to begin with a record of the chunk.
func (w *worker) mayBegin(place int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return place < w.begun
	}
	w.begun = max(w.begun, place)
	return true
}

func (w *worker) add(records []*kgo.Record) {
	w.mu.Lock()
	w.queue = append(w.queue, records...)
	if len(w.queue) >= highWater && !w.paused {
		w.paused = true
		w.group.client.PauseFetchPartitions(map[string][]int32{w.at.topic: {w.at.id}})
	}
	w.mu.Unlock()
	select {
	case w.more <- struct{}{}:
	default:
	}
}

func (w *worker) take() []*kgo.Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(chunk, len(w.queue))
	taken := w.queue[:n:n]
	w.queue, w.begun = w.queue[n:], 0
	if len(w.queue) < lowWater && w.paused {
		w.paused = false
		w.group.client.ResumeFetchPartitions(map[string][]int32{w.at.topic: {w.at.id}})
	}
	return taken
}

func (w *worker) run() {
	defer close(w.ended)
	for w.stopping.Err() == nil {
		records := w.take()
		if len(records) == 0 {
			select {
			case <-w.stopping.Done():
			case <-w.more:
			}
			continue
		}
		w.work(records)
	}
}

// work marks as many records as are done without a gap.
func (w *worker) work(records []*kgo.Record) {
	done := make([]bool, len(records))
	var all sync.WaitGroup
	for _, ours := range byKey(records) {
		all.Go(func() {
			for _, i := range ours {
				mayBegin := func() bool { return w.mayBegin(i) }
				if done[i] = w.group.process(w.stopping, mayBegin, records[i]) != stopped; !done[i] {
					return
				}
			}
		})
	}
	all.Wait()
	count := 0
	for count < len(done) && done[count] {
		count++
	}
	if count > 0 {
		w.group.client.MarkCommitRecords(records[count-1])
	}
}

// byKey lists the places of each key's records in their order.
func byKey(records []*kgo.Record) map[string][]int {
	places := map[string][]int{}
	for i, record := range records {
		places[string(record.Key)] = append(places[string(record.Key)], i)
	}
	return places
}
