package reshard

import (
	"fmt"
	"slices"
	"time"
)

// leastLosses is how many sessions a move has to lose in one place before it is given up.
const leastLosses = 5

// statesInOrder are those of a move that goes well, in order.
var statesInOrder = []State{Planned, Prepared, Copied, CaughtUp, Verified, Armed, Fenced, Drained, HandedOver, Switched, Observed, Complete}

// losses are the sessions that a move has lost since it last came further than before. A
// statement may be what ends them, by the memory that it takes for example, and a server
// that dies of it takes its users' sessions along.
type losses struct {
	furthest int
	count    int
	since    time.Time
}

// lossesOf is the move's; the lock is held. Going back from a fence is not getting on.
func (m *Mover) lossesOf(mv *Move) *losses {
	at := slices.Index(statesInOrder, mv.State)
	l, found := m.losses[mv.String()]
	if !found || at > l.furthest {
		l = &losses{furthest: at}
		m.losses[mv.String()] = l
	}
	return l
}

// lost notes that a move's sessions have ended. Those that lasted for longer than the
// patience had work to do all that time: a copy goes on without them.
func (m *Mover) lost(f *fleet, mv *Move) {
	m.losing.Lock()
	defer m.losing.Unlock()
	l := m.lossesOf(mv)
	if l.count == 0 || time.Since(f.opened) > m.options.Patience {
		*l = losses{furthest: l.furthest, since: time.Now()}
	}
	l.count++
}

// hopeless is the reason to take a move back that loses its sessions again and again.
func (m *Mover) hopeless(mv *Move) error {
	m.losing.Lock()
	defer m.losing.Unlock()
	l := m.lossesOf(mv)
	if !mv.State.canAbort() || l.count < leastLosses || time.Since(l.since) < m.options.Patience {
		return nil
	}
	return &abortError{fmt.Sprintf("it has lost its sessions %d times in %s and came no further; the servers' logs say why", l.count, time.Since(l.since).Round(time.Second))}
}
