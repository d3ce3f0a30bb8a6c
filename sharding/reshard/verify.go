package reshard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/scalestack/scalestack/sharding/catalog"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

const (
	// settleRounds limits how often changes are compared before the fence.
	settleRounds = 10
	// tooDifferent is how many users of a table may differ at first. The target's delay
	// explains only few. It bounds the memory.
	tooDifferent = 100_000
)

// resetWorkers lets a session's statements have as many parallel workers as the server gives.
const resetWorkers = "RESET max_parallel_workers_per_gather"

// DifferenceError means that source and target do not hold the same rows. The move is
// then aborted.
type DifferenceError struct {
	// Details name the table, the bucket and the number of users that differ.
	Details []string
}

func (e *DifferenceError) Error() string {
	return "source and target differ: " + strings.Join(e.Details, "; ")
}

// cell is one user in one table.
type cell struct {
	table string
	user  int64
}

// differenceError returns nil for no cells.
func (m *Mover) differenceError(cells []cell) error {
	if cells == nil {
		return nil
	}
	type place struct {
		table  string
		bucket int
	}
	users := map[place]int{}
	for _, c := range cells {
		users[place{c.table, shardmap.Bucket(c.user, m.options.Map.Buckets)}]++
	}
	failure := &DifferenceError{}
	for at, count := range users {
		failure.Details = append(failure.Details, fmt.Sprintf("%s, bucket %d, users: %d", at.table, at.bucket, count))
	}
	slices.Sort(failure.Details)
	return failure
}

// verifyMoving compares everything while others write, and leaves a watch that knows
// what has to be compared again. It returns the source's number of rows.
func (m *Mover) verifyMoving(ctx context.Context, f *fleet, s stream) (rows int64, err error) {
	// This comes first: anything altered later is compared again.
	versions, err := versionsOf(ctx, s.from, s.to)
	if err != nil {
		return 0, err
	}
	tables, err := m.sameTables(ctx, s)
	if err != nil {
		return 0, err
	}
	w, err := m.openWatch(ctx, f, s, tables)
	if err != nil {
		return 0, err
	}
	w.versions = versions
	if err := s.drain(ctx, copyLag, pollEvery); err != nil {
		return 0, err
	}
	if err := m.paced(ctx, f, s.mv, func(p *pacing) error {
		for _, t := range tables {
			n, err := m.compareAll(ctx, p, w, s, t)
			if err != nil {
				return err
			}
			rows += n
		}
		return nil
	}); err != nil {
		return 0, err
	}
	return rows, m.settle(ctx, s, tables, w)
}

// settle compares what has changed until nothing is left, or until writers are faster.
// A user that differs and that nobody writes is a difference.
func (m *Mover) settle(ctx context.Context, s stream, tables []catalog.Table, w *watch) error {
	for range settleRounds {
		if err := s.from.flush(ctx); err != nil {
			return err
		}
		if err := w.follow(ctx, s, copyLag, pollEvery); err != nil {
			return err
		}
		at, err := s.from.horizon(ctx)
		if err != nil {
			return err
		}
		different, quiet, err := w.compare(ctx, s, tables, at)
		if err != nil || quiet != nil {
			return errors.Join(err, m.differenceError(quiet))
		}
		if different == nil {
			break
		}
	}
	return nil
}

// verifyStill compares behind the fence, where every difference counts.
func (m *Mover) verifyStill(ctx context.Context, s stream, w *watch) error {
	tables, err := m.sameTables(ctx, s)
	if err != nil {
		return err
	}
	different, _, err := w.compare(ctx, s, tables, unknown)
	return errors.Join(err, m.differenceError(different))
}

// compareAll records which users differ. It keeps no rows.
func (m *Mover) compareAll(ctx context.Context, p *pacing, w *watch, s stream, t catalog.Table) (rows int64, err error) {
	workers := "SET max_parallel_workers_per_gather = 0"
	if p.calm() {
		workers = resetWorkers
	}
	if err := errors.Join(s.from.each(ctx, workers), s.to.each(ctx, workers)); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.from.each(ctx, resetWorkers), s.to.each(ctx, resetWorkers)) }()
	different := 0
	differs := func(of *digest) { w.changed(t.Name, of.user); different++ }
	err = eachPair(ctx, s, t, func(from, to *digest) error {
		if from != nil {
			rows += from.rows
		}
		switch {
		case to == nil:
			differs(from)
		case from == nil || *from != *to:
			differs(to)
		}
		if different > tooDifferent {
			return &DifferenceError{[]string{fmt.Sprintf("%s, more than %d users", t.Name, tooDifferent)}}
		}
		m.track.metrics.compared.Inc()
		return p.read(ctx, w.takeIn)
	})
	return rows, err
}
