package users

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/scalestack/scalestack/services/users/internal/events"
)

const (
	// hold is for statements that may find no row and so would not meet the fence.
	hold     = `SELECT scalestack.hold($1)`
	lockUser = `SELECT FROM users WHERE user_id = $1 AND deleted_at IS NULL FOR UPDATE`
	// deleteUser also deletes the user's products, and numbers their events
	// before that of the user.
	deleteUser = `
		WITH sold AS (
			DELETE FROM products WHERE user_id = $1 RETURNING sku
		), numbered AS (
			SELECT sku, row_number() OVER (ORDER BY sku) AS n FROM sold
		), gone AS (
			UPDATE users SET name = '', email = '', request_hash = NULL, version = version + 1,
				events = events + (SELECT count(*) FROM sold) + 1, updated_at = now(), deleted_at = now()
			WHERE user_id = $1 RETURNING user_id, version, events
		), noted AS (
			INSERT INTO outbox (user_id, sequence, topic, type, schema, data)
			SELECT user_id, events - (SELECT count(*) FROM sold) - 1 + n, '` + events.ProductTopic + `', '` + events.ProductDeleted + `', '` + events.ProductDeletedSchema + `',
				jsonb_build_object('user_id', user_id, 'sku', sku, 'version', events - (SELECT count(*) FROM sold) - 1 + n)
			FROM gone, numbered
			UNION ALL
			SELECT user_id, events, '` + events.UserTopic + `', '` + events.UserDeleted + `', '` + events.UserDeletedSchema + `',
				jsonb_build_object('user_id', user_id, 'version', version)
			FROM gone)
		SELECT version FROM gone`
)

// errAbsent ends a transaction that has nothing to do.
var errAbsent = errors.New("there is no such row")

// Delete forgets a user and everything it has. The version is that of the
// deletion, 0 when there was no such user.
func (s *Store) Delete(ctx context.Context, id int64) (version int64, shard string, err error) {
	shard, err = s.change(ctx, id, func(tx pgx.Tx) error {
		if err := requireUser(ctx, tx, id); err != nil {
			return err
		}
		return tx.QueryRow(ctx, deleteUser, id).Scan(&version)
	})
	if errors.Is(err, errAbsent) {
		return 0, shard, nil
	}
	return version, shard, err
}

// change runs a transaction on one user's rows.
func (s *Store) change(ctx context.Context, id int64, do func(pgx.Tx) error) (shard string, err error) {
	return s.write(ctx, id, func(ctx context.Context, conn *pgxpool.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, hold, id); err != nil {
				return err
			}
			return do(tx)
		})
	})
}

// requireUser locks the user, which puts all changes of what it has in one order.
func requireUser(ctx context.Context, tx pgx.Tx, id int64) error {
	tag, err := tx.Exec(ctx, lockUser, id)
	if err == nil && tag.RowsAffected() == 0 {
		err = errAbsent
	}
	return err
}
