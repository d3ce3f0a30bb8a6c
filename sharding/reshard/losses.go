package reshard

import (
	"fmt"
	"slices"
	"time"
)

// leastLosses is how many sessions a move has to lose at one point before it is given
// up.
const leastLosses = 5

// statesInOrder are the states of a successful move, in order.
var statesInOrder = []State{Planned, Prepared, Copied, CaughtUp, Verified, Armed, Fenced, Drained, HandedOver, Switched, Observed, Complete}

// losses counts the sessions that a move has lost since it last made progress. A
// statement of the move may be what ends them, for example by the memory that it takes,
// and a server that dies of it takes its users' sessions along.
type losses struct {
	furthest int
	count    int
	since    time.Time
}

// lossesOf returns the move's; the caller holds the lock. Going back from a fence is
// not progress.
func (m *Mover) lossesOf(mv *Move) *losses {
	at := slices.Index(statesInOrder, mv.State)
	l, found := m.losses[mv.String()]
	if !found || at > l.furthest {
		l = &losses{furthest: at}
		m.losses[mv.String()] = l
	}
	return l
}

// lost records that a move's sessions have ended. Sessions that lasted longer than the
// patience did work all that time: a copy goes on without them.
func (m *Mover) lost(f *fleet, mv *Move) {
	m.losing.Lock()
	defer m.losing.Unlock()
	l := m.lossesOf(mv)
	if l.count == 0 || time.Since(f.opened) > m.options.Patience {
		*l = losses{furthest: l.furthest, since: time.Now()}
	}
	l.count++
}

// hopeless returns the reason to take back a move that loses its sessions again and
// again.
func (m *Mover) hopeless(mv *Move) error {
	m.losing.Lock()
	defer m.losing.Unlock()
	l := m.lossesOf(mv)
	if !mv.State.canAbort() || l.count < leastLosses || time.Since(l.since) < m.options.Patience {
		return nil
	}
	return &abortError{fmt.Sprintf("it has lost its sessions %d times in %s and came no further; the servers' logs say why", l.count, time.Since(l.since).Round(time.Second))}
}
