package router

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// For returns the shard that has the user, as far as this process knows, and its pool,
// for code that needs more than one statement: a transaction, a batch, a copy. Such
// code begins each transaction that writes with SELECT scalestack.hold(key), as
// [Router.Write] does, and handles moves itself: if a statement fails with [IsMoved],
// nothing of the transaction has happened, and [Router.Write] or a later call of For
// finds the new owner. Do not keep the pool; it is closed when the shard leaves the
// map.
func (r *Router) For(userID int64) (shardmap.Shard, *pgxpool.Pool) {
	chase := r.newChase(userID)
	at := chase.start()
	return *at.shard, at.pool
}
