package users

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/sharding/router"
)

const (
	lockUser = `SELECT FROM users WHERE user_id = $1 AND deleted_at IS NULL FOR UPDATE`
	// sell deletes a piece of a user's products and numbers the events of that.
	sell = `
		WITH sold AS (
			DELETE FROM products WHERE user_id = $1 AND sku IN (SELECT sku FROM products WHERE user_id = $1 ORDER BY sku LIMIT $2) RETURNING sku
		), numbered AS (
			SELECT sku, row_number() OVER (ORDER BY sku) AS n FROM sold
		)`
	// noteSold writes the events of sold products, which come after the number
	// base, if anybody reads events.
	noteSold = `
			INSERT INTO outbox (user_id, sequence, topic, type, schema, data, traceparent)
			SELECT user_id, base + n, '` + events.ProductTopic + `', '` + events.ProductDeleted + `', '` + events.ProductDeletedSchema + `',
				jsonb_build_object('user_id', user_id, 'sku', sku, 'version', base + n), $4::text
			FROM gone, numbered WHERE $3`
	// deleteUser also deletes the first piece of the user's products, and numbers
	// their events before that of the user.
	deleteUser = sell + `, gone AS (
			UPDATE users SET name = '', email = '', request_hash = NULL, version = version + 1,
				events = events + (SELECT count(*) FROM sold) + 1, updated_at = now(), deleted_at = now(),
				clearing = (SELECT count(*) FROM sold) = $2
			WHERE user_id = $1 RETURNING user_id, version, events, clearing, events - (SELECT count(*) FROM sold) - 1 AS base
		), noted AS (` + noteSold + `
			UNION ALL
			SELECT user_id, events, '` + events.UserTopic + `', '` + events.UserDeleted + `', '` + events.UserDeletedSchema + `',
				jsonb_build_object('user_id', user_id, 'version', version), $4::text
			FROM gone WHERE $3)
		SELECT version, clearing FROM gone`
	// clearPiece deletes a further piece of what a deleted user had.
	clearPiece = sell + `, gone AS (
			UPDATE users SET events = events + (SELECT count(*) FROM sold), clearing = (SELECT count(*) FROM sold) = $2
			WHERE user_id = $1 RETURNING user_id, clearing, events - (SELECT count(*) FROM sold) AS base
		), noted AS (` + noteSold + `)
		SELECT clearing FROM gone`
	lockClearing = `SELECT FROM users WHERE user_id = $1 AND clearing FOR UPDATE`

	// eraseEvents takes name and address out of events that are not published yet.
	eraseEvents = `
		UPDATE %s SET data = data || jsonb_build_object('name', '` + events.Erased + `', 'email', '` + events.ErasedEmail + `')
		WHERE user_id = $1 AND data ? 'email'`
)

// outboxes are the two tables of events. New ones go to the first; the relay
// exchanges their names now and then.
var outboxes = []string{"outbox", "outbox_spare"}

// piece is how many products are deleted in one transaction: some hundredths of a
// second.
const piece = 1000

// errAbsent ends a transaction that has nothing to do.
var errAbsent = errors.New("there is no such row")

// Delete deletes a user and everything it has. The version is that of the deletion, 0
// if there was no such user. After the first transaction the user and everything it had
// are invisible, and its name and address are gone. Products beyond the first piece are
// then deleted for as long as ctx allows, and by [Store.Sweep] after that.
func (s *Store) Delete(ctx context.Context, id int64) (version int64, shard string, err error) {
	var clearing bool
	shard, err = s.change(ctx, id, func(ctx context.Context, tx pgx.Tx) error {
		if err := requireUser(ctx, tx, id); err != nil {
			return err
		}
		for _, table := range outboxes {
			if _, err := tx.Exec(ctx, fmt.Sprintf(eraseEvents, table), id); err != nil {
				return err
			}
		}
		return tx.QueryRow(ctx, deleteUser, id, piece, s.options.Events, trace(ctx)).Scan(&version, &clearing)
	})
	switch {
	case errors.Is(err, errAbsent):
		return 0, shard, nil
	case err != nil:
		return 0, shard, err
	}
	if clearing {
		// The user is deleted whatever comes of this.
		if _, err := s.clear(ctx, id); err != nil {
			s.options.Log.Info("the rest of a deleted user's products is left to the sweep", "shard", shard, "error", err.Error())
		}
	}
	return version, shard, nil
}

// clearReserve is left of the caller's time for what follows the clearing.
const clearReserve = 500 * time.Millisecond

// errClearing says that the time was not enough. Each piece stays deleted, so that
// repeating the request ends at some time.
var errClearing = errors.New("products of the deleted user are still being deleted")

// clear deletes what a deleted user had, piece by piece.
func (s *Store) clear(ctx context.Context, id int64) (shard string, err error) {
	for clearing := true; clearing; {
		if deadline, has := ctx.Deadline(); has && time.Until(deadline) < clearReserve {
			shard := s.ShardOf(id)
			return shard, &router.UnavailableError{Shard: shard, Err: errClearing}
		}
		shard, err = s.change(ctx, id, func(ctx context.Context, tx pgx.Tx) error {
			clearing, err = s.clearPiece(ctx, tx, id)
			return err
		})
		if err != nil {
			return shard, err
		}
	}
	return shard, nil
}

// clearPiece reports whether anything may be left.
func (s *Store) clearPiece(ctx context.Context, tx pgx.Tx, id int64) (clearing bool, err error) {
	tag, err := tx.Exec(ctx, lockClearing, id)
	if err != nil || tag.RowsAffected() == 0 {
		return false, err
	}
	err = tx.QueryRow(ctx, clearPiece, id, piece, s.options.Events, trace(ctx)).Scan(&clearing)
	return clearing, err
}

// change runs a transaction on one user's rows.
func (s *Store) change(ctx context.Context, id int64, do func(context.Context, pgx.Tx) error) (shard string, err error) {
	return s.write(ctx, id, func(ctx context.Context, w *router.Writer) error {
		return pgx.BeginFunc(ctx, w, func(tx pgx.Tx) error { return do(ctx, tx) })
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
