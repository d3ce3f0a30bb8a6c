package router

import (
	"cmp"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	beginSnapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	endSnapshot   = "COMMIT"
)

var errEnded = errors.New("the snapshot has ended")

// snapshotTx begins its transaction together with the first query, and reads in the
// same round trip what the shard owns: a question to all shards waits for every round
// trip to the slowest of them.
type snapshotTx struct {
	conn         *pgxpool.Conn
	begun, ended bool
	holdings     []holding
}

// Query reads rows in the snapshot.
func (tx *snapshotTx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	switch {
	case tx.ended:
		return nil, errEnded
	case tx.begun:
		return tx.conn.Query(ctx, sql, args...)
	}
	batch := begin()
	batch.Queue(sql, args...)
	return tx.first(ctx, batch)
}

// only reads rows with the only query of the snapshot, which ends in the same round
// trip.
func (tx *snapshotTx) only(ctx context.Context, sql string, args []any) (pgx.Rows, error) {
	batch := begin()
	batch.Queue(sql, args...)
	batch.Queue(endSnapshot)
	rows, err := tx.first(ctx, batch)
	tx.ended = err == nil
	return rows, err
}

func begin() *pgx.Batch {
	batch := &pgx.Batch{}
	batch.Queue(beginSnapshot)
	batch.Queue(selectHoldings)
	return batch
}

// first sends the batch that opens the snapshot and returns the rows of its query.
func (tx *snapshotTx) first(ctx context.Context, batch *pgx.Batch) (pgx.Rows, error) {
	results := tx.conn.SendBatch(ctx, batch)
	rows, err := tx.begin(results)
	if err != nil {
		return nil, cmp.Or(err, results.Close())
	}
	tx.begun = true
	return &heldRows{Rows: rows, results: results}, nil
}

func (tx *snapshotTx) begin(results pgx.BatchResults) (rows pgx.Rows, err error) {
	if _, err = results.Exec(); err != nil {
		return nil, err
	}
	if tx.holdings, err = collectHoldings(results.Query()); err != nil {
		return nil, err
	}
	return results.Query()
}

// end returns what the shard reported about its buckets. If no statement was sent, it
// asks for that alone.
func (tx *snapshotTx) end(ctx context.Context) ([]holding, error) {
	if !tx.begun {
		rows, err := tx.only(ctx, "SELECT 1", nil)
		if err != nil {
			return nil, err
		}
		rows.Close()
		return tx.holdings, rows.Err()
	}
	if tx.ended {
		return tx.holdings, nil
	}
	tx.ended = true
	_, err := tx.conn.Exec(ctx, endSnapshot)
	return tx.holdings, err
}

// abandon ends the transaction of a failed question if it can. The pool closes a
// connection that is still in a transaction.
func (tx *snapshotTx) abandon(ctx context.Context) {
	conn := tx.conn.Conn()
	if conn.IsClosed() || conn.PgConn().TxStatus() == 'I' {
		return
	}
	_, _ = conn.Exec(ctx, "ROLLBACK")
}
