package router

import (
	"cmp"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// hold keeps the key's bucket on the shard until the transaction ends, or fails with
// [Moved]. An UPDATE or DELETE that matches no row triggers no fence: only hold reveals
// that it was sent to the wrong shard.
const hold = "SELECT scalestack.hold($1)"

// Writer is a connection to the shard that owns a key. Everything that is written
// through it first holds the key, in the same transaction.
type Writer struct {
	conn *pgxpool.Conn
	key  int64
}

// WriteOperation is one statement or one transaction on the given writer. It may run
// twice.
type WriteOperation func(ctx context.Context, w *Writer) error

// held sends one statement preceded by its hold: one round trip and one transaction,
// which is committed once the results are closed.
func (w *Writer) held(ctx context.Context, sql string, args []any) (pgx.BatchResults, error) {
	batch := &pgx.Batch{}
	batch.Queue(hold, w.key)
	batch.Queue(sql, args...)
	results := w.conn.SendBatch(ctx, batch)
	if _, err := results.Exec(); err != nil {
		_ = results.Close()
		return nil, err
	}
	return results, nil
}

// Exec runs one statement.
func (w *Writer) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	results, err := w.held(ctx, sql, args)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := results.Exec()
	return tag, cmp.Or(err, results.Close())
}

// Query runs one statement. It is committed once its rows have been read to the end or
// closed; check their Err then.
func (w *Writer) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	results, err := w.held(ctx, sql, args)
	if err != nil {
		return nil, err
	}
	rows, err := results.Query()
	if err != nil {
		_ = results.Close()
		return nil, err
	}
	return &heldRows{Rows: rows, results: results}, nil
}

// QueryRow runs one statement and reads its first row. Scan returns pgx.ErrNoRows if
// there is none; the statement is committed all the same.
func (w *Writer) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := w.Query(ctx, sql, args...)
	return &heldRow{rows, err}
}

// Begin begins a transaction that holds the key, for several statements; pass the
// writer to pgx.BeginFunc. [Hold] adds further keys.
func (w *Writer) Begin(ctx context.Context) (pgx.Tx, error) {
	tx, err := w.conn.Begin(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, hold, w.key); err != nil {
		return nil, errors.Join(err, tx.Rollback(ctx))
	}
	return tx, nil
}

// Hold holds further keys for the rest of a transaction that [Writer.Begin] began, so
// that it may change their rows too. All keys must be on this shard: if one is not,
// Hold and the transaction fail with [Moved]. Without Hold, a statement that changes a
// row of such a key is refused with SQLSTATE SS002.
func Hold(ctx context.Context, tx pgx.Tx, keys ...int64) error {
	_, err := tx.Exec(ctx, "SELECT scalestack.hold_all($1)", keys)
	return err
}

// heldRows closes its batch when the rows are closed.
type heldRows struct {
	pgx.Rows
	results pgx.BatchResults
	closed  bool
	err     error
}

func (r *heldRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *heldRows) Close() {
	r.Rows.Close()
	if !r.closed {
		r.closed, r.err = true, r.results.Close()
	}
}

func (r *heldRows) Err() error { return cmp.Or(r.Rows.Err(), r.err) }

type heldRow struct {
	rows pgx.Rows
	err  error
}

func (r *heldRow) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		return cmp.Or(r.rows.Err(), pgx.ErrNoRows)
	}
	err := r.rows.Scan(dest...)
	r.rows.Close()
	return cmp.Or(err, r.rows.Err())
}
