package reshard

import "context"

// task is one move, or what is left of it, between two shards.
type task struct {
	from, to int
	do       func(context.Context, *fleet) error

	begun bool
	err   error
}

// together does all tasks, several at once: Options.Parallel at most, and one at a time
// for each shard, so that no shard bears more than by one move alone. They begin in their
// order, as far as their shards are free.
//
// After an error none begins. Those under way go on to their end, unless new connections
// can cure it: then they are cut off as by the mover's death, and taken up with the rest.
func (m *Mover) together(ctx context.Context, f *fleet, all []*task) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended, busy, running := make(chan *task), map[int]bool{}, 0
	var passing error
	for {
		for _, t := range all {
			if t.begun || busy[t.from] || busy[t.to] || running == m.options.Parallel || passing != nil || m.stopped != nil {
				continue
			}
			t.begun, busy[t.from], busy[t.to] = true, true, true
			running++
			go func() {
				t.err = alone(ctx, f, t)
				ended <- t
			}()
		}
		if running == 0 && passing != nil {
			return passing
		}
		if running == 0 {
			return m.stopped
		}
		t := <-ended
		running--
		busy[t.from], busy[t.to] = false, false
		switch {
		case t.err == nil || passing != nil:
		case isPassingHere(t.err):
			passing = t.err
			cancel()
		case m.stopped == nil:
			m.stopped = t.err
		}
	}
}

// alone does one task with its two shards' sessions, which nobody else uses meanwhile.
func alone(ctx context.Context, f *fleet, t *task) error {
	own := &fleet{sessions: map[int]*session{t.from: f.sessions[t.from], t.to: f.sessions[t.to]}}
	defer own.unwatch()
	err := t.do(ctx, own)
	if err != nil && own.broken() {
		err = broken(err)
	}
	return err
}
