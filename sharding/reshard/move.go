package reshard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// State is how far a move has come. It is written as soon as it is reached.
type State string

// The states of a move, in order.
const (
	// Planned moves exist only as a row.
	Planned State = "planned"
	// Prepared moves have a publication, a slot and a subscription.
	Prepared State = "prepared"
	// Copied moves have every row on the target, as of some time ago.
	Copied State = "copied"
	// CaughtUp moves have a target that lags by at most Options.MaxLag.
	CaughtUp State = "caught up"
	// Verified moves have been compared while writes continued.
	Verified State = "verified"
	// Armed moves have the stream back, which has nothing to carry yet. It is made
	// before the fence: a new slot waits for all running transactions, and writers must
	// not wait for those.
	Armed State = "armed"
	// Fenced moves take no writes on the source.
	Fenced State = "fenced"
	// Drained moves have every row on the target, compared.
	Drained State = "drained"
	// HandedOver moves will end on the target: the source has given up the buckets.
	HandedOver State = "handed over"
	// Switched moves are owned by the target.
	Switched State = "switched"
	// Observed moves can no longer be rolled back; what remains is to clean up.
	Observed State = "observed"
	// Complete moves have left nothing behind.
	Complete State = "complete"
	// Aborting moves are owned by the source, still or again.
	Aborting State = "aborting"
	// Aborted moves have left nothing behind.
	Aborted State = "aborted"
	// Returning moves go back to the source over the stream back.
	Returning State = "returning"
	// Returned moves are owned by the source again.
	Returned State = "returned"
	// RolledBack moves have left nothing behind.
	RolledBack State = "rolled back"
)

// Done reports whether nothing is left to do.
func (s State) Done() bool { return s == Complete || s == Aborted || s == RolledBack }

// fencedHere reports whether the source refuses writes but can still take the buckets
// back.
func (s State) fencedHere() bool { return s == Fenced || s == Drained }

// canAbort reports whether the source has not given up the buckets yet.
func (s State) canAbort() bool {
	switch s {
	case Planned, Prepared, Copied, CaughtUp, Verified, Armed, Fenced, Drained:
		return true
	}
	return false
}

// Wanted is what the operator wants to happen to a move.
type Wanted string

// The wishes of an operator.
const (
	WantRun   Wanted = "run"
	WantPause Wanted = "pause"
	WantAbort Wanted = "abort"
)

// Move is a batch of buckets on the way from one shard to another.
type Move struct {
	// ID is unique among the moves of one source.
	ID int64
	// Source and Target are shard ids.
	Source, Target int
	// Buckets are ascending.
	Buckets []int32
	State   State
	Wanted  Wanted
	// Reason says why the move was aborted or rolled back.
	Reason string
	// Rows is how many rows the buckets had when they were last compared.
	Rows int64
	// Pause is how long the buckets took no writes.
	Pause time.Duration
	// Changed is when State was reached.
	Changed time.Time
}

func (m *Move) String() string {
	return fmt.Sprintf("move %d-%d (%d buckets, shard %d to %d)", m.Source, m.ID, len(m.Buckets), m.Source, m.Target)
}

// querier is a session, or a transaction of one.
type querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

const selectMoves = `
	SELECT id, target, buckets, state, wanted, reason, coalesce(rows, 0), coalesce(pause_ms, 0), changed_at
	FROM scalestack.move`

func readMoves(ctx context.Context, q querier, source int, where string, args ...any) ([]*Move, error) {
	rows, err := q.Query(ctx, selectMoves+" "+where, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*Move, error) {
		m := &Move{Source: source}
		var pause float64
		err := row.Scan(&m.ID, &m.Target, &m.Buckets, &m.State, &m.Wanted, &m.Reason, &m.Rows, &pause, &m.Changed)
		m.Pause = time.Duration(pause * float64(time.Millisecond))
		return m, err
	})
}

func unfinished(ctx context.Context, q querier, source int) ([]*Move, error) {
	return readMoves(ctx, q, source, "WHERE state <> ALL ($1) ORDER BY id", []string{string(Complete), string(Aborted), string(RolledBack)})
}

func insertMove(ctx context.Context, q querier, wants *shardmap.Map, source, target int, buckets []int32) (*Move, error) {
	m := &Move{Source: source, Target: target, Buckets: buckets, State: Planned, Wanted: WantRun, Changed: time.Now()}
	err := q.QueryRow(ctx, `INSERT INTO scalestack.move (target, buckets, source_tables, target_tables, map) VALUES ($1, $2, '{}', '{}', $3) RETURNING id`,
		target, buckets, mapHash(wants)).Scan(&m.ID)
	return m, err
}

// errOvertaken means that the row is not in the state that this mover wrote last, so a
// second mover must have changed it.
var errOvertaken = errors.New("its state has changed under us")

// advance writes the state that was reached, unless the row has changed. Where the
// operator's wish matters, the transaction itself must check it.
func advance(ctx context.Context, q querier, m *Move, next State) error {
	tag, err := q.Exec(ctx, `
		UPDATE scalestack.move SET state = $3, reason = $4, rows = $5, pause_ms = $6, changed_at = clock_timestamp(),
			history = history || jsonb_build_object($3::text, clock_timestamp())
		WHERE id = $1 AND state = $2`,
		m.ID, m.State, next, m.Reason, m.Rows, float64(m.Pause)/float64(time.Millisecond))
	if err == nil && tag.RowsAffected() != 1 {
		err = errOvertaken
	}
	if err != nil {
		return fmt.Errorf("%s: writing %q: %w", m, next, err)
	}
	m.State, m.Changed = next, time.Now()
	return nil
}

func readWanted(ctx context.Context, q querier, m *Move) (Wanted, error) {
	var wanted Wanted
	err := q.QueryRow(ctx, "SELECT wanted FROM scalestack.move WHERE id = $1", m.ID).Scan(&wanted)
	return wanted, err
}
