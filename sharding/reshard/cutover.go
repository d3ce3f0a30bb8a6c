package reshard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// cutOver fences, drains, compares and hands over. If the target is late or a writer
// does not finish, it lifts the fence and tries again. A mover that takes over the move
// here does not know what an earlier mover has compared, so it compares first.
func (m *Mover) cutOver(ctx context.Context, f *fleet, mv *Move) error {
	s := m.forward(f, mv)
	w := f.watching(s)
	if w == nil {
		return advance(ctx, f.source(mv), mv, CaughtUp)
	}
	for attempt := 1; ; attempt++ {
		if err := m.readyToFence(ctx, f, mv, s, w); err != nil {
			return err
		}
		err := w.requireUnaltered(ctx, s.from, s.to)
		if errors.Is(err, errAltered) {
			m.log(mv).Warn("comparing again", "reason", err.Error())
			return advance(ctx, f.source(mv), mv, CaughtUp)
		}
		if err != nil {
			return err
		}
		began := time.Now()
		err = m.fenceSource(ctx, f, mv)
		if err == nil {
			err = m.completeFenced(ctx, f, mv, w, began)
		}
		if err == nil || f.broken() {
			return err
		}
		if err := m.giveUpCutover(ctx, f, mv, attempt, began, err); err != nil {
			return err
		}
		// Whatever was in the way may need a moment to finish.
		if err := m.sleep(ctx, f, mv, min(time.Duration(attempt)*m.options.FenceWait, longestPause)); err != nil {
			return err
		}
	}
}

// readyToFence does everything that can be done before writers have to wait.
func (m *Mover) readyToFence(ctx context.Context, f *fleet, mv *Move, s stream, w *watch) error {
	if err := m.gate(ctx, f, mv); err != nil {
		return err
	}
	tables, err := m.sameTables(ctx, s)
	if err != nil {
		return err
	}
	if err := m.settle(ctx, s, tables, w); err != nil {
		return err
	}
	if err := requireFences(ctx, s); err != nil {
		return err
	}
	return m.awaitPassword(ctx, f, mv, s)
}

// giveUpCutover lifts the fence after a failed attempt. It returns nil if another attempt
// may succeed.
func (m *Mover) giveUpCutover(ctx context.Context, f *fleet, mv *Move, attempt int, began time.Time, reason error) error {
	if err := m.lift(ctx, f, mv, Armed); err != nil {
		return errors.Join(reason, err)
	}
	if !isLate(reason) || mv.State != Armed {
		return reason
	}
	m.track.metrics.givenUp.Inc()
	paused, holders := time.Since(began), f.source(mv).holders(ctx, mv.Buckets)
	m.log(mv).Warn("cutover was given up", "attempt", attempt, "reason", reason.Error(), "writes_paused", paused.String(), "long_transactions", holders)
	if attempt == m.options.Attempts {
		return &abortError{fmt.Sprintf("no cutover in %d attempts: %v; long transactions: %s", attempt, reason, holders)}
	}
	return nil
}

// longestPause limits the time between two attempts. Each attempt can hold up writers
// for Options.FenceWait.
const longestPause = 5 * time.Second

func isLate(err error) bool {
	var pgErr *pgconn.PgError
	return errors.Is(err, errLate) || errors.Is(err, errLapsed) || errors.Is(err, errAltered) ||
		(errors.As(err, &pgErr) && (pgErr.Code == lockNotAvailable || pgErr.Code == "40P01" || pgErr.Code == "40001"))
}

func (m *Mover) fenceSource(ctx context.Context, f *fleet, mv *Move) error {
	if err := inSource(ctx, f, mv, Fenced, func(tx pgx.Tx) error {
		return m.fence(ctx, tx, mv.Buckets)
	}); err != nil {
		return err
	}
	m.track.reached(mv)
	return nil
}

// lift lifts the source's fence, if there is one, and writes the next state.
func (m *Mover) lift(ctx context.Context, f *fleet, mv *Move, next State) error {
	if !mv.State.fencedHere() {
		return nil
	}
	return inSource(ctx, f, mv, next, func(tx pgx.Tx) error { return unfence(ctx, tx, mv.Buckets) })
}

// resumeFenced takes over a move whose mover died while writers waited: the writers
// continue, and the move is compared again.
func (m *Mover) resumeFenced(ctx context.Context, f *fleet, mv *Move) error {
	return m.lift(ctx, f, mv, CaughtUp)
}

func (m *Mover) completeFenced(ctx context.Context, f *fleet, mv *Move, w *watch, began time.Time) error {
	if err := m.drainAndCompare(ctx, m.forward(f, mv), mv, w); err != nil {
		return err
	}
	if err := advance(ctx, f.source(mv), mv, Drained); err != nil {
		return err
	}
	m.track.reached(mv)
	if err := inSource(ctx, f, mv, HandedOver, func(tx pgx.Tx) error {
		if err := requireWanted(ctx, tx, mv); err != nil {
			return err
		}
		return m.handOver(ctx, tx, m.forward(f, mv), w, mv.Target)
	}); err != nil {
		return err
	}
	m.track.reached(mv)
	mv.Pause = time.Since(began)
	return m.takeOver(ctx, f, mv)
}

// handOver gives up the stream's buckets if its tables are still those that were
// compared. Nobody can change them on this side before the transaction ends; what
// happens on the other side after the check is up to the new owner.
func (m *Mover) handOver(ctx context.Context, tx pgx.Tx, s stream, w *watch, owner int) error {
	if err := m.boundLocks(ctx, tx); err != nil {
		return err
	}
	if err := w.lockTables(ctx, tx); err != nil {
		return err
	}
	if err := w.requireUnaltered(ctx, tx, s.to); err != nil {
		return err
	}
	return m.giveUp(ctx, tx, s.moving.buckets, owner)
}

func (m *Mover) drainAndCompare(ctx context.Context, s stream, mv *Move, w *watch) error {
	if err := w.follow(ctx, s, m.options.DrainTimeout, cutoverPoll); err != nil {
		return err
	}
	if err := s.require(ctx); err != nil {
		return err
	}
	err := m.verifyStill(ctx, s, w)
	var different *DifferenceError
	if errors.As(err, &different) {
		return orLapsed(ctx, s.from, mv.Buckets, err)
	}
	return err
}

// orLapsed tells a real difference from writes after a fence that lapsed. The lifted
// fence may not be visible yet: a commit that waits for a standby reaches the target
// before anybody sees it here.
func orLapsed(ctx context.Context, q querier, buckets []int32, different error) error {
	var held int
	err := q.QueryRow(ctx, "SELECT count(*) FROM scalestack.ownership WHERE bucket = ANY ($1) AND state = 'fenced' AND fenced_until > clock_timestamp()",
		buckets).Scan(&held)
	switch {
	case err != nil:
		return err
	case held < len(buckets):
		return errLapsed
	}
	return different
}

// takeOver makes the target the owner. The target may have restarted since it was
// drained and have lost what it had not flushed, so it is asked again; its commit then
// flushes everything.
func (m *Mover) takeOver(ctx context.Context, f *fleet, mv *Move) error {
	began := time.Now()
	given, err := readHoldings(ctx, f.source(mv))
	if err != nil {
		return err
	}
	err = m.bringRest(ctx, f, mv)
	var different *DifferenceError
	if errors.As(err, &different) {
		m.log(mv).Error("taking back what was handed over", "reason", mv.Reason, "difference", err.Error())
		return m.keep(ctx, f, mv)
	}
	if err != nil {
		return err
	}
	if err := claim(ctx, f.target(mv), mv.Target, given, mv.Buckets); err != nil {
		return err
	}
	mv.Pause += time.Since(began)
	f.unwatch()
	m.log(mv).Info("switched", "rows", mv.Rows, "writes_paused", mv.Pause.String())
	return advance(ctx, f.source(mv), mv, Switched)
}

// giveBack is the cutover in the other direction, over the stream back. The move's
// state does not change meanwhile; the ownership on both shards shows how far it is.
func (m *Mover) giveBack(ctx context.Context, f *fleet, mv *Move) error {
	s := m.back(f, mv)
	holdings, err := readHoldings(ctx, f.target(mv))
	if err != nil {
		return err
	}
	whole, err := s.whole(ctx)
	if err != nil {
		return err
	}
	if first := holdings[mv.Buckets[0]]; !first.here() && !whole {
		if err := m.takeAgain(ctx, f, mv); err != nil {
			return err
		}
		if holdings, err = readHoldings(ctx, f.target(mv)); err != nil {
			return err
		}
	}
	if first := holdings[mv.Buckets[0]]; first.here() {
		err := m.returnFenced(ctx, f, mv, s)
		if errors.Is(err, errStay) {
			return m.stay(ctx, f, mv)
		}
		if err != nil {
			return err
		}
		if holdings, err = readHoldings(ctx, f.target(mv)); err != nil {
			return err
		}
	}
	if err := s.drain(ctx, copyLag, cutoverPoll); err != nil {
		return err
	}
	return inSource(ctx, f, mv, Returned, func(tx pgx.Tx) error {
		return claim(ctx, tx, mv.Source, holdings, mv.Buckets)
	})
}

// stay ends a rollback that the operator no longer wants.
func (m *Mover) stay(ctx context.Context, f *fleet, mv *Move) error {
	f.unwatch()
	mv.Reason = ""
	return errors.Join(unfence(ctx, f.target(mv), mv.Buckets), advance(ctx, f.source(mv), mv, Switched))
}

// returnFenced fences the target, and makes it give up the buckets once the source has
// everything.
func (m *Mover) returnFenced(ctx context.Context, f *fleet, mv *Move, s stream) error {
	if err := m.wayBack(ctx, f, mv); err != nil {
		return err
	}
	if err := s.drain(ctx, copyLag, pollEvery); err != nil {
		return err
	}
	if _, err := m.verifyMoving(ctx, f, s); err != nil {
		return err
	}
	return poll(ctx, m.options.FenceWait, func() (bool, error) {
		if err := requireReturn(ctx, f.source(mv), mv); err != nil {
			return false, err
		}
		if err := requireFences(ctx, s); err != nil {
			return false, err
		}
		if err := m.awaitPassword(ctx, f, mv, s); err != nil {
			return false, err
		}
		w := f.watching(s)
		err := pgx.BeginFunc(ctx, f.target(mv), func(tx pgx.Tx) error { return m.fence(ctx, tx, mv.Buckets) })
		if err == nil {
			err = m.drainAndCompare(ctx, s, mv, w)
		}
		if err == nil {
			err = pgx.BeginFunc(ctx, f.target(mv), func(tx pgx.Tx) error { return m.handOver(ctx, tx, s, w, mv.Source) })
		}
		if err == nil || f.broken() {
			return err == nil, err
		}
		if liftErr := unfence(ctx, f.target(mv), mv.Buckets); liftErr != nil || !isLate(err) {
			return false, errors.Join(err, liftErr)
		}
		m.log(mv).Warn("rollback was put off", "reason", err.Error())
		if errors.Is(err, errAltered) {
			_, err := m.verifyMoving(ctx, f, s)
			return false, err
		}
		return false, nil
	})
}
