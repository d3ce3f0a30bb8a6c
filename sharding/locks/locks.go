// Package locks separates programs that change the schema of a shard from those that
// move its rows, without making anybody wait long behind either.
package locks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// Mover is the advisory lock of a mover on every shard, "reshard" in ASCII.
	Mover int64 = 0x72657368617264
	// Migration is the advisory lock of a migration, "scalesta" in ASCII.
	Migration int64 = 0x7363616c65737461

	// Wait limits one attempt at a table lock, because readers and writers queue behind
	// it.
	Wait = time.Second
	// relief is how long they run undisturbed before the next attempt.
	relief = 2 * time.Second
	// retryEvery is for locks that nobody queues behind.
	retryEvery = 200 * time.Millisecond
)

// notAvailable is the SQLSTATE of a lock that was not granted in time, deadlock that of
// a transaction that was chosen as the victim.
const (
	notAvailable = "55P03"
	deadlock     = "40P01"
)

// Late reports whether err means that a lock was not granted in time.
func Late(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && (pgErr.Code == notAvailable || pgErr.Code == deadlock)
}

// holders names in errors who holds a lock.
var holders = map[int64]string{Mover: "a mover", Migration: "another migration"}

// Take takes one of the locks for the session and waits until the context ends. A
// program that changes the schema takes both, so that no other changes it and no mover
// starts or works meanwhile.
func Take(ctx context.Context, conn *pgx.Conn, lock int64) error {
	for {
		var got bool
		err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", lock).Scan(&got)
		if err == nil && got {
			return nil
		}
		if err == nil {
			err = pause(ctx, retryEvery)
		}
		if err != nil {
			return fmt.Errorf("waiting for %s: %w", holders[lock], err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// Retry runs a transaction that locks tables, again and again until it gets the locks
// or the context ends.
func Retry(ctx context.Context, conn *pgx.Conn, log *slog.Logger, do func(pgx.Tx) error) error {
	for {
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, fmt.Sprintf("SET LOCAL lock_timeout = %d", Wait.Milliseconds())); err != nil {
				return err
			}
			return do(tx)
		})
		if !Late(err) {
			return err
		}
		if err := Pause(ctx, log, err); err != nil {
			return err
		}
	}
}

// Pause waits before the next attempt at a lock. It returns the cause once the context
// has ended.
func Pause(ctx context.Context, log *slog.Logger, cause error) error {
	log.Warn("a table is in use; trying again", "error", cause.Error())
	if err := pause(ctx, relief); err != nil {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return nil
}
