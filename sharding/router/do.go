package router

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Operation is one read statement on the given connection. It may run twice.
type Operation func(ctx context.Context, conn *pgxpool.Conn) error

// Read runs an operation without side effects on the shard that has the user, and
// repeats it once after a lost connection. The name of the last shard that was asked is
// returned even with an error.
func (r *Router) Read(ctx context.Context, userID int64, op Operation) (shard string, err error) {
	r.heat.read(userID)
	ctx, end := r.begin(ctx, Step{Name: StepRead})
	shard, err = r.do(ctx, userID, op, func(*attemptError) bool { return true })
	end(fault(err))
	return shard, err
}

// Write runs one statement or one transaction that changes data on the shard that has
// the user, and holds the user's bucket there meanwhile. It is repeated only if the
// first attempt certainly had no effect: even an idempotent statement would undo
// another client's change that came in between.
func (r *Router) Write(ctx context.Context, userID int64, op WriteOperation) (shard string, err error) {
	r.heat.write(userID)
	held := func(ctx context.Context, conn *pgxpool.Conn) error { return op(ctx, &Writer{conn, userID}) }
	ctx, end := r.begin(ctx, Step{Name: StepWrite})
	shard, err = r.do(ctx, userID, held, func(e *attemptError) bool { return !e.hasEffect() })
	end(fault(err))
	return shard, err
}

func (r *Router) do(ctx context.Context, userID int64, op Operation, repeatable func(*attemptError) bool) (string, error) {
	if err := r.refused(userID); err != nil {
		return r.Map().ShardOf(userID).Name, err
	}
	chase := r.newChase(userID)
	now := chase.start()
	for repeats := 0; ; {
		failure := r.attempt(ctx, now, op)
		if failure == nil {
			chase.found(now)
			return now.shard.Name, nil
		}
		var next target
		var reason string
		if failure.code() == Moved {
			// A refusal has no effect, and says where to go; it may happen often.
			next, reason = chase.after(ctx, now, failure)
		} else if repeats == 0 && repeatable(failure) {
			repeats++
			next, reason = r.afterFailure(userID, now, failure)
		}
		if reason == "" || ctx.Err() != nil {
			return now.shard.Name, failure.final(now.shard.Name)
		}
		r.metrics.repeats.WithLabelValues(reason).Inc()
		now = next
	}
}

func (r *Router) attempt(ctx context.Context, t target, op Operation) *attemptError {
	conn, err := r.acquire(ctx, t)
	if err != nil {
		return &attemptError{err: err}
	}
	defer conn.Release()
	ctx, end := r.begin(ctx, Step{Name: StepExecute, Shard: t.shard.Name})
	if err := op(ctx, conn); err != nil {
		failure := &attemptError{sent: true, lost: conn.Conn().IsClosed(), err: err}
		end(fault(failure.final(t.shard.Name)))
		return failure
	}
	end(nil)
	return nil
}

func (r *Router) acquire(ctx context.Context, t target) (*pgxpool.Conn, error) {
	ctx, end := r.begin(ctx, Step{Name: StepConnect, Shard: t.shard.Name})
	conn, err := t.pool.Acquire(ctx)
	end(err)
	return conn, err
}

// afterFailure says where a second attempt goes and why. Without a reason it makes no
// sense.
func (r *Router) afterFailure(userID int64, first target, failure *attemptError) (next target, reason string) {
	current := r.routes.Load()
	shard := current.shards.Shard(first.shard.ID)
	if shard == nil {
		shard = current.shards.ShardOf(userID)
	}
	next = current.to(shard)
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
