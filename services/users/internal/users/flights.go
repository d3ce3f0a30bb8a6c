package users

import "sync"

// flights let callers with the same question share one answer. Unlike with
// x/sync/singleflight, a caller never joins a flight that has begun but waits for the
// next one: the running one may have read the database before a change that the caller
// knows of. At most one flight per user runs at a time.
type flights struct {
	mu      sync.Mutex
	running map[int64]*flight
}

// flight is one run of load; its result may be read when done is closed.
type flight struct {
	load   func() (Answer, error)
	next   *flight
	done   chan struct{}
	answer Answer
	err    error
}

func (f *flights) join(id int64, load func() (Answer, error)) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	current := f.running[id]
	if current != nil && current.next != nil {
		return current.next
	}
	joined := &flight{load: load, done: make(chan struct{})}
	if current != nil {
		current.next = joined
		return joined
	}
	if f.running == nil {
		f.running = make(map[int64]*flight)
	}
	f.running[id] = joined
	go f.run(id, joined)
	return joined
}

func (f *flights) run(id int64, current *flight) {
	for current != nil {
		current.answer, current.err = current.load()
		close(current.done)
		current = f.advance(id, current)
	}
}

func (f *flights) advance(id int64, ended *flight) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ended.next == nil {
		delete(f.running, id)
		return nil
	}
	f.running[id] = ended.next
	return ended.next
}
