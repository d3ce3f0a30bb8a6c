package router

import (
	"context"
	"time"
)

// AskOne asks one shard what FanOut asks all, in the same way.
func AskOne[T any](ctx context.Context, r *Router, id int, perShard time.Duration, ask Ask[T]) error {
	current := r.routes.Load()
	shard := current.shards.Shard(id)
	f := &fanOut[T]{router: r, perShard: perShard, ask: ask}
	a := &answer[T]{shard: *shard}
	f.fill(ctx, current.to(shard), a)
	return a.err
}

// Connections counts those of all pools that are open.
func (r *Router) Connections() (open int) {
	for _, pool := range r.routes.Load().pools {
		open += int(pool.Stat().TotalConns())
	}
	return open
}
