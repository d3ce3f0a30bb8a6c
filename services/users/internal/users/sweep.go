package users

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/services/users/internal/reach"
)

const (
	// sweeping tells the guard that the transaction works on whatever is here.
	sweeping = `SELECT scalestack.sweep()`

	// nextClearing takes a user that no other process is at, and passes by buckets
	// that are being fenced or that only left their rows here.
	nextClearing = `
		SELECT user_id FROM users WHERE clearing AND scalestack.try_hold(user_id)
		ORDER BY user_id LIMIT 1 FOR UPDATE SKIP LOCKED`

	// dropUnread forgets events that nobody reads. The newest stay for a day: while
	// a rollout turns events on, old processes must not drop what new ones write.
	dropUnread = `
		DELETE FROM %[1]s AS o USING (SELECT user_id, sequence FROM %[1]s WHERE occurred_at < now() - interval '1 day' LIMIT $1) AS old
		WHERE o.user_id = old.user_id AND o.sequence = old.sequence AND scalestack.try_hold(o.user_id)`
)

// Sweep deletes, on every shard, a piece of what deleted users had and, if nobody reads
// events, of the outbox. It reports whether more may be left.
func (s *Store) Sweep(ctx context.Context) (more bool, err error) {
	var failures []error
	for _, id := range reach.OnePerShard(s.router.Map()) {
		shard, pool := s.router.For(id)
		err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			left, err := s.sweep(ctx, tx)
			more = more || left
			return err
		})
		if err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", shard.Name, err))
		}
	}
	return more, errors.Join(failures...)
}

func (s *Store) sweep(ctx context.Context, tx pgx.Tx) (more bool, err error) {
	if _, err := tx.Exec(ctx, sweeping); err != nil {
		return false, err
	}
	if !s.options.Events {
		for _, table := range outboxes {
			tag, err := tx.Exec(ctx, fmt.Sprintf(dropUnread, table), piece)
			if err != nil {
				return false, err
			}
			more = more || tag.RowsAffected() == piece
		}
	}
	var id int64
	err = tx.QueryRow(ctx, nextClearing).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return more, nil
	}
	if err != nil {
		return false, err
	}
	// Another deleted user may be waiting behind this one.
	_, err = s.clearPiece(ctx, tx, id)
	return true, err
}

// SweepEvery sweeps until the context ends, without a pause while work is left.
func (s *Store) SweepEvery(ctx context.Context, pause time.Duration) {
	for ctx.Err() == nil {
		more, err := s.Sweep(ctx)
		if err != nil && ctx.Err() == nil {
			s.options.Log.Warn("sweeping", "error", err.Error())
		}
		if more && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}
