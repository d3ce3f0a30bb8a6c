package reshard

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// Status returns the moves of every shard, by source and id: all of them, or only those
// that have not ended. It takes no lock. If a shard does not answer, the error names it
// and the moves of the others are returned.
func (m *Mover) Status(ctx context.Context, all bool) ([]Move, error) {
	var list []Move
	err := m.eachShard(ctx, func(conn *pgx.Conn, shard int) error {
		moves, err := unfinished(ctx, conn, shard)
		if all {
			moves, err = readMoves(ctx, conn, shard, "ORDER BY id")
		}
		for _, mv := range moves {
			list = append(list, *mv)
		}
		return err
	})
	return list, err
}

// Overview is what all shards together report about moves.
type Overview struct {
	// Moves are those under way, by source and id.
	Moves []MoveProgress
	// Left is the number of buckets that are not where the map wants them.
	Left int
}

// String returns the overview in one line.
func (o Overview) String() string {
	text := fmt.Sprintf("%d buckets to move", o.Left)
	for _, p := range o.Moves {
		text += "; " + p.String()
	}
	return text
}

// Look reads how far the moves are. It takes no lock.
func (m *Mover) Look(ctx context.Context) (*Overview, error) {
	readings := map[int]*reading{}
	copies, lags, slow := map[string][]tableCopy{}, map[string]int64{}, map[int]string{}
	o := &Overview{}
	err := m.eachShard(ctx, func(conn *pgx.Conn, shard int) error {
		r, readErr := newReading(ctx, conn)
		moves, movesErr := unfinished(ctx, conn, shard)
		tables, tablesErr := readTableCopies(ctx, conn, streamsOf)
		behind, lagsErr := readLags(ctx, conn)
		text, slowErr := readPace(ctx, conn)
		readings[shard], slow[shard] = r, text
		for _, mv := range moves {
			o.Moves = append(o.Moves, MoveProgress{Move: *mv, Expected: r.share(len(mv.Buckets)).Rows})
		}
		for _, c := range tables {
			copies[c.Stream] = append(copies[c.Stream], c)
		}
		maps.Copy(lags, behind)
		return errors.Join(readErr, movesErr, tablesErr, lagsErr, slowErr)
	})
	if err != nil {
		return nil, err
	}
	for i := range o.Moves {
		p := &o.Moves[i]
		p.Copy, p.Lag = sum(copies[streamName(&p.Move)]), lags[streamName(&p.Move)]
		p.Slow = m.slowness(&p.Move, slow)
	}
	o.Left = misplaced(m.options.Map, readings)
	return o, nil
}

// eachShard connects without taking the mover's lock.
func (m *Mover) eachShard(ctx context.Context, do func(conn *pgx.Conn, shard int) error) error {
	var errs []error
	for i := range m.options.Map.Shards {
		shard := &m.options.Map.Shards[i]
		if err := m.look(ctx, shard, do); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", shard.Name, err))
		}
	}
	return errors.Join(errs...)
}

func (m *Mover) look(ctx context.Context, shard *shardmap.Shard, do func(conn *pgx.Conn, shard int) error) error {
	return visit(ctx, m.options.Connect, m.options.Map, shard, func(conn *pgx.Conn) error { return do(conn, shard.ID) })
}

// Pause makes the mover wait before its next step; copying and following continue by
// themselves. Nothing pauses behind a fence.
func (m *Mover) Pause(ctx context.Context) ([]Move, error) {
	return m.want(ctx, WantPause, "be paused", Planned, Prepared, Copied, CaughtUp, Verified, Armed, Switched)
}

// Resume ends a pause. It also ends a rollback that has not fenced the target yet: the
// buckets stay where they are.
func (m *Mover) Resume(ctx context.Context) ([]Move, error) {
	return m.want(ctx, WantRun, "be resumed", Planned, Prepared, Copied, CaughtUp, Verified, Armed, Switched, Returning)
}

// Abort makes the mover take back moves that the source has not handed over.
func (m *Mover) Abort(ctx context.Context) ([]Move, error) {
	return m.want(ctx, WantAbort, "be aborted", Planned, Prepared, Copied, CaughtUp, Verified, Armed, Fenced, Drained)
}

// Rollback makes the mover take back moves that were handed over, with every write
// since. WayBack says what that would cost.
func (m *Mover) Rollback(ctx context.Context) ([]Move, error) {
	return m.want(ctx, WantAbort, "be rolled back", HandedOver, Switched)
}

// want writes the wish into the rows of moves that are in one of the states. The mover
// reads it before every step, and again when it hands over.
func (m *Mover) want(ctx context.Context, wanted Wanted, what string, states ...State) ([]Move, error) {
	var reached, others []Move
	err := m.eachShard(ctx, func(conn *pgx.Conn, shard int) error {
		moves, err := unfinished(ctx, conn, shard)
		if err != nil {
			return err
		}
		for _, mv := range moves {
			tag, err := conn.Exec(ctx, "UPDATE scalestack.move SET wanted = $2 WHERE id = $1 AND state = ANY ($3) AND (wanted <> 'abort' OR state = 'returning')", mv.ID, wanted, states)
			switch {
			case err != nil:
				return err
			case tag.RowsAffected() == 0:
				others = append(others, *mv)
			default:
				mv.Wanted = wanted
				reached = append(reached, *mv)
			}
		}
		return nil
	})
	if err == nil && reached == nil {
		err = fmt.Errorf("no move can %s%s", what, found(others))
	}
	return reached, err
}

func found(moves []Move) string {
	if len(moves) == 0 {
		return ": none is under way"
	}
	text := ""
	for _, mv := range moves {
		text += fmt.Sprintf("; %s is %s", &mv, mv.State)
	}
	return text
}

// Finish completes moves that have begun, and begins none. It returns ErrBusy if a
// running mover will do the same.
func (m *Mover) Finish(ctx context.Context) error {
	m.stopped = nil
	return m.retry(ctx, m.finishBegun)
}
