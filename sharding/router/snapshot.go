package router

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// Snapshot is one shard at one moment. Everything that is read through it is
// consistent.
type Snapshot struct {
	// Shard is the shard that is asked.
	Shard shardmap.Shard

	tx *snapshotTx
}

// Query reads rows. As in a batch of pgx, the first argument may be a pgx.QueryRewriter
// but no other option.
func (s Snapshot) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return s.tx.Query(ctx, sql, args...)
}

// QueryRow reads one row, with arguments as in Query.
func (s Snapshot) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := s.tx.Query(ctx, sql, args...)
	return &heldRow{rows, err}
}

// Owned returns an SQL condition for the rows that count on a shard: those in buckets
// that it owns. During a move two shards have the rows of a bucket. The column holds
// the user's id. This form suits queries that read many rows; for those that find a few
// rows by an index there is the function scalestack.owned(user_id), which is evaluated
// row by row.
func (r *Router) Owned(column string) string {
	return fmt.Sprintf("(%[1]s %% %[2]d + %[2]d) %% %[2]d IN (SELECT bucket FROM scalestack.owned_buckets)", column, r.Map().Buckets)
}

// Scalar asks for a single value, for example a count.
func Scalar[T any](sql string, args ...any) Ask[T] {
	return func(ctx context.Context, s Snapshot) (value T, err error) {
		rows, err := s.tx.only(ctx, sql, args)
		err = (&heldRow{rows, err}).Scan(&value)
		return value, err
	}
}

// Select asks for rows. T is a struct with a field for every column, matched by name or
// by the tag db, as in [pgx.RowToStructByName].
func Select[T any](sql string, args ...any) Ask[[]T] {
	return func(ctx context.Context, s Snapshot) ([]T, error) {
		rows, err := s.tx.only(ctx, sql, args)
		if err != nil {
			return nil, err
		}
		return pgx.CollectRows(rows, pgx.RowToStructByName[T])
	}
}
