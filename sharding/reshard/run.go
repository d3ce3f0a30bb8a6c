package reshard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// RefusedError means that a move cannot be made as things are. Nothing was moved.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return "refused: " + e.Err.Error() }

// Unwrap returns the reasons.
func (e *RefusedError) Unwrap() error { return e.Err }

// EndedError means that a move was aborted or rolled back.
type EndedError struct{ Move Move }

func (e *EndedError) Error() string {
	return fmt.Sprintf("%s was %s: %s", &e.Move, e.Move.State, e.Move.Reason)
}

// abortError makes the mover take a move back.
type abortError struct{ reason string }

func (e *abortError) Error() string { return e.reason }

// errUnwanted means that the operator wants the move taken back.
var errUnwanted = &abortError{"the operator wanted it"}

// Run finishes the moves that have begun, and then makes those that lead to the desired
// map. It returns an *EndedError if a move was taken back. A move that was interrupted
// by the failure of a server is taken back and made again.
func (m *Mover) Run(ctx context.Context) error {
	for made := 0; ; made++ {
		m.stopped = nil
		err := m.retry(ctx, m.work)
		if !again(err) || made == remakes {
			return err
		}
		m.options.Log.Warn("making the move again", "reason", err.Error())
	}
}

// retry continues with new sessions after one has ended.
func (m *Mover) retry(ctx context.Context, work func(context.Context, *fleet) error) error {
	var failing time.Time
	for {
		progress, err := m.once(ctx, work)
		if err == nil || ctx.Err() != nil || !isPassingHere(err) {
			return err
		}
		if progress || failing.IsZero() {
			failing = time.Now()
		}
		if time.Since(failing) > m.options.Patience {
			return fmt.Errorf("given up after %s: %w", m.options.Patience, err)
		}
		m.options.Log.Warn("connecting again", "error", err.Error())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// errBroken marks errors that occurred because a session ended.
var errBroken = errors.New("a shard's session has ended")

// ended marks an error if it ended its connection.
func ended(conn interface{ IsClosed() bool }, err error) error {
	if err == nil || !conn.IsClosed() {
		return err
	}
	return broken(err)
}

// broken marks an error that new connections can cure.
func broken(err error) error { return fmt.Errorf("%w: %w", errBroken, err) }

func isPassingHere(err error) bool { return errors.Is(err, errBroken) || isPassing(err) }

// once works until everything is done or a session ends. It reports whether it could
// start.
func (m *Mover) once(ctx context.Context, work func(context.Context, *fleet) error) (began bool, err error) {
	f, err := m.open(ctx)
	if err != nil {
		return false, err
	}
	defer f.close()
	err = work(ctx, f)
	if err != nil && f.broken() {
		err = broken(err)
	}
	return true, err
}

// work makes the moves. What a person took back is acknowledged only when the mover
// ends because of it.
func (m *Mover) work(ctx context.Context, f *fleet) error {
	err := m.makeMoves(ctx, f)
	var ended *EndedError
	if errors.As(err, &ended) && !again(err) {
		if err := m.told(ctx, f); err != nil {
			m.options.Log.Warn("the next mover ends over the same move once more", "error", err.Error())
		}
	}
	return err
}

func (m *Mover) makeMoves(ctx context.Context, f *fleet) error {
	m.track.begin()
	if err := m.finishBegun(ctx, f); err != nil {
		return err
	}
	if m.stopped != nil {
		return m.stopped
	}
	if err := m.requireUndone(ctx, f); err != nil {
		return err
	}
	plan, err := m.plan(ctx, f)
	if err != nil {
		return err
	}
	m.track.planned(plan.Moved)
	m.options.Log.Info("planned", "buckets", plan.Moved, "minimum", plan.Minimum)
	var all []*task
	for _, route := range plan.Moves {
		for _, buckets := range batches(route.Buckets, m.options.Batch) {
			all = append(all, &task{from: route.From, to: route.To, do: func(ctx context.Context, f *fleet, beside []int) error {
				mv, err := insertMove(ctx, f.sessions[route.From], m.options.Map, route.From, route.To, buckets)
				if err == nil {
					err = m.inherit(ctx, f, mv, beside)
				}
				if err != nil {
					return err
				}
				return m.drive(ctx, f, mv)
			}})
		}
	}
	return m.together(ctx, f, all, false)
}

// finishBegun completes what an earlier mover left, wherever its source is.
func (m *Mover) finishBegun(ctx context.Context, f *fleet) error {
	var moves []*Move
	for _, s := range f.inOrder() {
		begun, err := unfinished(ctx, s, s.shard.ID)
		if err != nil {
			return err
		}
		moves = append(moves, begun...)
	}
	for _, mv := range moves {
		if f.target(mv) == nil {
			return &RefusedError{fmt.Errorf("%s has begun, and the map does not have its target", mv)}
		}
	}
	if err := m.requireSound(ctx, f); err != nil {
		return err
	}
	if err := requireMigrated(ctx, f); err != nil {
		return err
	}
	var all []*task
	for _, mv := range moves {
		m.log(mv).Info("taking up", "state", mv.State)
		m.track.planned(len(mv.Buckets))
		all = append(all, &task{from: mv.Source, to: mv.Target, do: func(ctx context.Context, f *fleet, _ []int) error { return m.drive(ctx, f, mv) }})
	}
	return m.together(ctx, f, all, true)
}

func (m *Mover) plan(ctx context.Context, f *fleet) (*shardmap.Plan, error) {
	assignment, err := m.actual(ctx, f)
	if err != nil {
		return nil, &RefusedError{err}
	}
	from := *m.options.Map
	from.Assignment = assignment
	plan, err := shardmap.NewPlan(&from, m.options.Map)
	if err != nil {
		return nil, &RefusedError{err}
	}
	return plan, nil
}

func batches(buckets []int, size int) (list [][]int32) {
	for len(buckets) > 0 {
		n := min(size, len(buckets))
		batch := make([]int32, n)
		for i, bucket := range buckets[:n] {
			batch[i] = int32(bucket)
		}
		list, buckets = append(list, batch), buckets[n:]
	}
	return list
}

// drive takes one move through its states to an end.
func (m *Mover) drive(ctx context.Context, f *fleet, mv *Move) error {
	m.track.reached(mv)
	for !mv.State.Done() {
		var err error
		// giveBack decides whether a return can still be stopped.
		if mv.State != Returning {
			err = m.gate(ctx, f, mv)
		}
		if err == nil {
			err = m.hopeless(mv)
		}
		if err == nil {
			err = m.requireServers(ctx, f, mv)
		}
		if err == nil {
			err = m.renewAll(ctx, f, mv)
		}
		if err == nil {
			err = steps[mv.State](m, ctx, f, mv)
		}
		if errors.Is(err, errPaused) {
			continue
		}
		if err != nil {
			err = m.takeBack(ctx, f, mv, err)
		}
		if err != nil {
			return err
		}
		m.log(mv).Info("state", "state", mv.State)
		m.track.reached(mv)
	}
	if mv.State != Complete {
		return &EndedError{*mv}
	}
	return nil
}

// takeBack turns a reason to abort into the state that does it. It returns other
// errors: the move stays where it is and can be continued.
func (m *Mover) takeBack(ctx context.Context, f *fleet, mv *Move, err error) error {
	var unwanted *abortError
	var different *DifferenceError
	var refused *RefusedError
	// A move that is interrupted because of another has not lost its sessions itself.
	if f.broken() && ctx.Err() == nil {
		m.lost(f, mv)
	}
	if f.broken() || !(errors.As(err, &unwanted) || errors.As(err, &different) || errors.As(err, &refused)) {
		return fmt.Errorf("%s, %s: %w", mv, mv.State, err)
	}
	next := Aborting
	switch {
	case mv.State.canAbort():
	case mv.State == Switched && unwanted != nil:
		next = Returning
	default:
		return fmt.Errorf("%s, %s: %w", mv, mv.State, err)
	}
	mv.Reason = err.Error()
	m.log(mv).Error("taking it back", "state", mv.State, "reason", mv.Reason)
	return inSource(ctx, f, mv, next, func(tx pgx.Tx) error {
		if next == Returning {
			return nil
		}
		return unfence(ctx, tx, mv.Buckets)
	})
}

// gate does what the operator wants: it waits during a pause, and stops a move that is
// to be taken back while that is possible.
func (m *Mover) gate(ctx context.Context, f *fleet, mv *Move) error {
	if mv.State == Returning {
		return requireReturn(ctx, f.source(mv), mv)
	}
	if !mv.State.canAbort() && mv.State != Switched {
		return nil
	}
	return poll(ctx, 10*pollEvery, func() (bool, error) {
		wanted, err := readWanted(ctx, f.source(mv), mv)
		switch {
		case err != nil:
			return false, err
		case wanted == WantAbort:
			return false, errUnwanted
		}
		// Writers must not wait behind a fence for an operator.
		return wanted == WantRun || mv.State.fencedHere(), nil
	})
}

// requireWanted locks the operator's wish for the rest of the transaction.
func requireWanted(ctx context.Context, q querier, mv *Move) error {
	var wanted Wanted
	err := q.QueryRow(ctx, "SELECT wanted FROM scalestack.move WHERE id = $1 FOR UPDATE", mv.ID).Scan(&wanted)
	if err == nil && wanted == WantAbort {
		return errUnwanted
	}
	return err
}

func (m *Mover) sleep(ctx context.Context, f *fleet, mv *Move, d time.Duration) error {
	until := time.Now().Add(d)
	return poll(ctx, pollEvery, func() (bool, error) {
		return !time.Now().Before(until), m.gate(ctx, f, mv)
	})
}

func (m *Mover) log(mv *Move) *slog.Logger {
	return m.options.Log.With("move", fmt.Sprintf("%d-%d", mv.Source, mv.ID), "target", mv.Target, "buckets", len(mv.Buckets))
}
