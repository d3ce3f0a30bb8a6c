package router

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// For returns the shard that has the user, as far as it is known here, and its
// pool, for code that needs more than one statement: a transaction, a batch, a
// copy. Such code begins each transaction that writes with
// SELECT scalestack.hold(key), which [Router.Write] does by itself, and has to
// follow a move itself: where a statement fails with
// [IsMoved], nothing of the transaction has happened, and [Router.Write] or a
// later call of For finds the new owner. The pool is closed when the shard
// leaves the map, so do not keep it.
func (r *Router) For(userID int64) (shardmap.Shard, *pgxpool.Pool) {
	chase := r.newChase(userID)
	at := chase.start()
	return *at.shard, at.pool
}
