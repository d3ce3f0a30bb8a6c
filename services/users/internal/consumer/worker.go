package consumer

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// windowSize is how far work may go on behind a record that is not done.
	windowSize = 100
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
	// The window belongs to the goroutine.
	window window
	// deleted means that offsets are those of a topic which is not there any more.
	deleted atomic.Bool

	mu     sync.Mutex
	queue  []*kgo.Record
	paused bool
	// begun is the last record that work was begun at. Once stopped, only what
	// lies before is begun: whatever is done then can be marked.
	begun   int
	stopped bool
}

func startWorker(g *Group, at partition) *worker {
	w := &worker{group: g, at: at, ended: make(chan struct{}), more: make(chan struct{}, 1), window: newWindow()}
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

// mayBegin reports whether to begin with the n-th record.
func (w *worker) mayBegin(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return n < w.begun
	}
	w.begun = max(w.begun, n)
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

func (w *worker) take(n int) []*kgo.Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	n = min(n, len(w.queue))
	taken := w.queue[:n:n]
	w.queue = w.queue[n:]
	if len(w.queue) < lowWater && w.paused {
		w.paused = false
		w.group.client.ResumeFetchPartitions(map[string][]int32{w.at.topic: {w.at.id}})
	}
	return taken
}

func (w *worker) run() {
	defer close(w.ended)
	stop := w.stopping.Done()
	for stop != nil || w.window.running > 0 {
		select {
		case <-stop:
			stop = nil
		case <-w.more:
		case e := <-w.window.ended:
			if last := w.window.end(e, w.begin); last != nil && !w.deleted.Load() {
				w.group.client.MarkCommitRecords(last)
			}
		}
		if stop == nil {
			continue
		}
		for _, record := range w.take(w.window.room()) {
			w.window.add(record, w.begin)
		}
	}
}

// begin works on one record of the window.
func (w *worker) begin(item *item) {
	go func() {
		fate := w.group.process(w.stopping, func() bool { return w.mayBegin(item.n) }, item.record)
		w.window.ended <- ended{item, fate}
	}()
}
