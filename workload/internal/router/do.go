package router

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Operation is one statement on the connection it is given. It may run twice.
type Operation func(ctx context.Context, conn *pgxpool.Conn) error

// Read runs an operation without effect on the shard that has the user. It is
// repeated once after a lost connection. The name of the shard that was asked
// last is returned also with an error.
func (r *Router) Read(ctx context.Context, userID int64, op Operation) (shard string, err error) {
	return r.do(ctx, userID, op, func(*attemptError) bool { return true })
}

// Write runs one statement that changes data on the shard that has the user. It
// is repeated only when the first attempt certainly had no effect: even a
// statement that may be repeated for its own sake would undo another client's
// change that came in between.
func (r *Router) Write(ctx context.Context, userID int64, op Operation) (shard string, err error) {
	return r.do(ctx, userID, op, func(e *attemptError) bool { return !e.hasEffect() })
}

func (r *Router) do(ctx context.Context, userID int64, op Operation, repeatable func(*attemptError) bool) (string, error) {
	first := r.target(userID)
	failure := attempt(ctx, first, op)
	if failure == nil {
		return first.shard.Name, nil
	}
	next, reason := r.afterFailure(userID, first, failure)
	if reason == "" || !repeatable(failure) || ctx.Err() != nil {
		return first.shard.Name, failure.final(first.shard.Name)
	}
	r.metrics.repeats.WithLabelValues(reason).Inc()
	if failure = attempt(ctx, next, op); failure != nil {
		return next.shard.Name, failure.final(next.shard.Name)
	}
	return next.shard.Name, nil
}

func (r *Router) target(userID int64) target {
	current := r.routes.Load()
	return current.to(current.shards.ShardOf(userID))
}

func attempt(ctx context.Context, t target, op Operation) *attemptError {
	conn, err := t.pool.Acquire(ctx)
	if err != nil {
		return &attemptError{err: err}
	}
	defer conn.Release()
	if err := op(ctx, conn); err != nil {
		return &attemptError{sent: true, lost: conn.Conn().IsClosed(), err: err}
	}
	return nil
}

// afterFailure says where a second attempt goes and why; no reason means that
// it makes no sense.
func (r *Router) afterFailure(userID int64, first target, failure *attemptError) (next target, reason string) {
	if failure.code() == moved {
		return r.afterMove(userID, first, failure.owner())
	}
	next = r.target(userID)
	switch {
	case next.pool != first.pool:
		// The map has changed meanwhile and the old pool was closed.
		return next, "map"
	case failure.isTransient():
		return next, "conflict"
	case failure.lost:
		return next, "connection"
	}
	return target{}, ""
}

// afterMove prefers a new map to the refusing shard's hint: the hint may be
// older. Where the map still names the shard that has just refused, the hint is
// newer, for databases know of a move first.
func (r *Router) afterMove(userID int64, first target, owner int) (next target, reason string) {
	if err := r.Reload(); err != nil {
		r.options.Log.Error("keeping the old shard map", "error", err.Error())
	}
	current := r.routes.Load()
	shard := current.shards.ShardOf(userID)
	if shard.ID == first.shard.ID {
		shard = current.shards.Shard(owner)
	}
	if shard == nil || shard.ID == first.shard.ID {
		return target{}, ""
	}
	return current.to(shard), "moved"
}
