package page

import (
	"context"
	"sync"
	"time"
)

const (
	every   = time.Second
	timeout = 3 * time.Second
)

// watch collects states while somebody looks, once for all browsers.
type watch struct {
	collect func(context.Context) State
	// idle is called when the last viewer has gone.
	idle func()

	mu      sync.Mutex
	viewers map[chan State]bool
	stop    context.CancelFunc
}

// join returns a channel that gets every new state, and what ends it. A viewer that
// is slow misses states.
func (w *watch) join() (<-chan State, func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := make(chan State, 1)
	if len(w.viewers) == 0 {
		ctx, stop := context.WithCancel(context.Background())
		w.viewers, w.stop = map[chan State]bool{}, stop
		go w.run(ctx)
	}
	w.viewers[c] = true
	return c, func() { w.leave(c) }
}

func (w *watch) leave(c chan State) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.viewers, c)
	if len(w.viewers) == 0 {
		w.stop()
		w.idle()
	}
}

func (w *watch) run(ctx context.Context) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		limited, cancel := context.WithTimeout(ctx, timeout)
		w.send(w.collect(limited))
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (w *watch) send(s State) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.viewers {
		select {
		case c <- s:
		default:
		}
	}
}
