package reshard

import (
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
)

// task is one move, or the rest of one, between two shards.
type task struct {
	from, to int
	// do receives the sources of the other moves under way.
	do func(ctx context.Context, f *fleet, beside []int) error

	begun bool
	err   error
}

// together runs all tasks: at most Options.Parallel at once, and one at a time for each
// shard, so that no shard bears more than one move. They start in order, as soon as
// their shards are free.
//
// After an error the running tasks continue to their end, and others start only if all
// must be done. An error that new connections can cure interrupts all of them, as the
// mover's death would, and they are taken up again with the rest. The first other error
// is kept in m.stopped.
func (m *Mover) together(ctx context.Context, f *fleet, all []*task, must bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended, busy, sources := make(chan *task), map[int]bool{}, map[int]bool{}
	var passing error
	for {
		for _, t := range all {
			if t.begun || busy[t.from] || busy[t.to] || len(sources) == m.options.Parallel || passing != nil || m.stopped != nil && !must {
				continue
			}
			beside := slices.Sorted(maps.Keys(sources))
			t.begun, busy[t.from], busy[t.to], sources[t.from] = true, true, true, true
			go func() {
				t.err = alone(ctx, f, t, beside)
				ended <- t
			}()
		}
		if len(sources) == 0 && passing != nil {
			return passing
		}
		if len(sources) == 0 {
			return m.stopped
		}
		t := <-ended
		busy[t.from], busy[t.to] = false, false
		delete(sources, t.from)
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

// alone runs one task with its two shards' sessions, which nobody else uses meanwhile.
func alone(ctx context.Context, f *fleet, t *task, beside []int) error {
	own := &fleet{opened: f.opened, sessions: map[int]*session{t.from: f.sessions[t.from], t.to: f.sessions[t.to]}}
	defer own.unwatch()
	err := t.do(ctx, own, beside)
	if err != nil && own.broken() {
		err = broken(err)
	}
	return err
}

// inherit pauses a new move if one beside it is paused: an operator who has paused the
// moves does not expect others to start.
func (m *Mover) inherit(ctx context.Context, f *fleet, mv *Move, beside []int) error {
	paused := false
	for _, source := range beside {
		err := m.look(ctx, m.options.Map.Shard(source), func(conn *pgx.Conn, shard int) error {
			moves, err := unfinished(ctx, conn, shard)
			paused = paused || slices.ContainsFunc(moves, func(other *Move) bool { return other.Wanted == WantPause })
			return err
		})
		if err != nil {
			return err
		}
	}
	if !paused {
		return nil
	}
	m.log(mv).Info("paused as the moves beside it")
	_, err := f.source(mv).Exec(ctx, "UPDATE scalestack.move SET wanted = 'pause' WHERE id = $1 AND wanted = 'run'", mv.ID)
	return err
}
