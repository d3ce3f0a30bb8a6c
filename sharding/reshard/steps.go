package reshard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/catalog"
)

const (
	pollEvery = 20 * time.Millisecond
	// cutoverPoll is short: writers wait meanwhile.
	cutoverPoll = time.Millisecond
	// copyLag is how long the target may take to catch up when no fence is set.
	copyLag = 10 * time.Minute
	// tolerated is how many errors of the target's workers are attributed to servers
	// that come and go.
	tolerated = 20
)

// step brings a move from its state to the next one.
type step func(m *Mover, ctx context.Context, f *fleet, mv *Move) error

var steps = map[State]step{
	Planned:    (*Mover).prepare,
	Prepared:   (*Mover).copyRows,
	Copied:     (*Mover).catchUp,
	CaughtUp:   (*Mover).verify,
	Verified:   (*Mover).arm,
	Armed:      (*Mover).cutOver,
	Fenced:     (*Mover).resumeFenced,
	Drained:    (*Mover).resumeFenced,
	HandedOver: (*Mover).takeOver,
	Switched:   (*Mover).observe,
	Observed:   (*Mover).cleanUp,
	Aborting:   (*Mover).abort,
	Returning:  (*Mover).giveBack,
	Returned:   (*Mover).cleanUpReturned,
}

func (m *Mover) prepare(ctx context.Context, f *fleet, mv *Move) error {
	// The next writer lifts a fence that has lapsed, but there may be none.
	if err := unfence(ctx, f.source(mv), mv.Buckets); err != nil {
		return err
	}
	if err := m.dropStreams(ctx, f, mv); err != nil {
		return err
	}
	if err := m.preflight(ctx, f, mv); err != nil {
		return err
	}
	if err := m.setStraysAside(ctx, f, f.target(mv), mv); err != nil {
		return err
	}
	if err := m.create(ctx, f, mv, m.forward(f, mv), true); err != nil {
		return err
	}
	return advance(ctx, f.source(mv), mv, Prepared)
}

func (m *Mover) copyRows(ctx context.Context, f *fleet, mv *Move) error {
	s := m.forward(f, mv)
	size, err := newReading(ctx, s.from)
	if err != nil {
		return err
	}
	m.track.expect(size, mv)
	if err := m.holdCopy(ctx, f, mv); err != nil {
		return err
	}
	if err := s.enable(ctx); err != nil {
		return err
	}
	if err := m.follow(ctx, f, mv, func() (bool, error) { return s.copied(ctx) }); err != nil {
		return err
	}
	return advance(ctx, f.source(mv), mv, Copied)
}

// catchUp waits until the target lags by at most MaxLag.
func (m *Mover) catchUp(ctx context.Context, f *fleet, mv *Move) error {
	s := m.forward(f, mv)
	if err := s.enable(ctx); err != nil {
		return err
	}
	if err := s.flushAtOnce(ctx); err != nil {
		return err
	}
	if err := m.follow(ctx, f, mv, func() (bool, error) {
		// A target that died since may not have flushed the end of its copies.
		if copied, err := s.copied(ctx); err != nil || !copied {
			return false, err
		}
		err := s.drain(ctx, m.options.MaxLag, cutoverPoll)
		if errors.Is(err, errLate) {
			return false, nil
		}
		return err == nil, err
	}); err != nil {
		return err
	}
	return advance(ctx, f.source(mv), mv, CaughtUp)
}

// follow waits for a state of the stream. It gives up if the target keeps failing, if
// what it needs is gone, or if the operator wants it to.
func (m *Mover) follow(ctx context.Context, f *fleet, mv *Move, done func() (bool, error)) error {
	return m.followStream(ctx, f, mv, m.forward(f, mv), done)
}

func (m *Mover) followStream(ctx context.Context, f *fleet, mv *Move, s stream, done func() (bool, error)) error {
	before, err := s.failures(ctx)
	if err != nil {
		return err
	}
	nudged := time.Now()
	return poll(ctx, pollEvery, func() (bool, error) {
		if err := m.gate(ctx, f, mv); err != nil {
			return false, err
		}
		if time.Since(nudged) >= nudgeEvery {
			nudged = time.Now()
			known, err := s.renew(ctx)
			if err == nil {
				err = s.nudge(ctx)
			}
			if err == nil {
				err = s.requireCopies(ctx)
			}
			if err == nil && !known {
				before, err = s.failures(ctx)
			}
			if err != nil {
				return false, err
			}
		}
		missed, missedErr := s.missed(ctx)
		failures, failuresErr := s.failures(ctx)
		switch err := errors.Join(missedErr, failuresErr, m.track.sample(ctx, s)); {
		case err != nil:
			return false, err
		case missed != "":
			return false, &abortError{missed}
		case failures-before > tolerated:
			return false, &abortError{fmt.Sprintf("%s failed %d times to copy or apply; its log says why", s.to.shard.Name, failures-before)}
		}
		return done()
	})
}

func (m *Mover) verify(ctx context.Context, f *fleet, mv *Move) (err error) {
	if mv.Rows, err = m.verifyMoving(ctx, f, m.forward(f, mv)); err != nil {
		return err
	}
	return advance(ctx, f.source(mv), mv, Verified)
}

// sameTables checks again whether the schema changed since the preflight.
func (m *Mover) sameTables(ctx context.Context, s stream) ([]catalog.Table, error) {
	tables, others, err := readBoth(ctx, s.from, s.to)
	if err != nil {
		return nil, err
	}
	if different := schemaProblems(s.from, s.to, tables, others); different != nil {
		return nil, &abortError{"the schema has changed: " + errors.Join(different...).Error()}
	}
	return tables, nil
}

// arm makes the stream back, or reuses that of an earlier attempt.
func (m *Mover) arm(ctx context.Context, f *fleet, mv *Move) error {
	s := m.back(f, mv)
	whole, err := s.whole(ctx)
	if err != nil {
		return err
	}
	if !whole {
		if err := s.drop(ctx); err != nil {
			return err
		}
		if err := m.create(ctx, f, mv, s, false); err != nil {
			return err
		}
	}
	if err := s.enable(ctx); err != nil {
		return err
	}
	if err := s.flushAtOnce(ctx); err != nil {
		return err
	}
	if err := m.follow(ctx, f, mv, func() (bool, error) { return s.copied(ctx) }); err != nil {
		return err
	}
	return advance(ctx, f.source(mv), mv, Armed)
}

// inSource runs statements and writes the new state in one transaction of the source.
func inSource(ctx context.Context, f *fleet, mv *Move, next State, change func(tx pgx.Tx) error) error {
	before := *mv
	err := pgx.BeginFunc(ctx, f.source(mv), func(tx pgx.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		return advance(ctx, tx, mv, next)
	})
	if err != nil {
		mv.State, mv.Changed = before.State, before.Changed
	}
	return err
}

// observe leaves time for a rollback, and watches whether that would still be cheap.
func (m *Mover) observe(ctx context.Context, f *fleet, mv *Move) error {
	looked := time.Now()
	if err := poll(ctx, pollEvery, func() (bool, error) {
		if err := m.gate(ctx, f, mv); err != nil {
			return false, err
		}
		if time.Since(looked) >= wayBackEvery {
			looked = time.Now()
			if err := errors.Join(m.renewAll(ctx, f, mv), m.lookBack(ctx, f, mv)); err != nil {
				return false, err
			}
		}
		return time.Since(mv.Changed) >= m.options.Observe, nil
	}); err != nil {
		return err
	}
	return inSource(ctx, f, mv, Observed, func(tx pgx.Tx) error { return requireWanted(ctx, tx, mv) })
}

func (m *Mover) dropStreams(ctx context.Context, f *fleet, mv *Move) error {
	f.unwatch()
	if err := m.back(f, mv).drop(ctx); err != nil {
		return fmt.Errorf("dropping the stream back: %w", err)
	}
	if err := m.forward(f, mv).drop(ctx); err != nil {
		return fmt.Errorf("dropping the stream: %w", err)
	}
	return nil
}

func (m *Mover) cleanUp(ctx context.Context, f *fleet, mv *Move) error {
	return m.finish(ctx, f, mv, f.source(mv), Complete)
}

func (m *Mover) abort(ctx context.Context, f *fleet, mv *Move) error {
	return m.finish(ctx, f, mv, f.target(mv), Aborted)
}

func (m *Mover) cleanUpReturned(ctx context.Context, f *fleet, mv *Move) error {
	return m.finish(ctx, f, mv, f.target(mv), RolledBack)
}

// finish removes the streams first: deletions must not be replicated.
func (m *Mover) finish(ctx context.Context, f *fleet, mv *Move, old *session, last State) error {
	if err := m.dropStreams(ctx, f, mv); err != nil {
		return err
	}
	if err := m.purge(ctx, f, old, mv); err != nil {
		return err
	}
	return advance(ctx, f.source(mv), mv, last)
}
