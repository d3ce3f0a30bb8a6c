package router

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// ownersEvery is how often a router that follows its map asks whether two shards
// own the same bucket.
const ownersEvery = 30 * time.Second

// OwnedTwiceError says that two shards own the same buckets: one of them was
// restored from before a move. What either acknowledges the other does not know,
// so that operations on these buckets are refused until a person has decided.
type OwnedTwiceError struct{ Buckets []int }

func (e *OwnedTwiceError) Error() string {
	return fmt.Sprintf("two shards own bucket %d (%d such buckets): one was restored from before a move. Fix: shardctl reconcile", e.Buckets[0], len(e.Buckets))
}

// RestoredError says that a shard owns a bucket of which another owner since is
// known: it was restored from before a move.
type RestoredError struct {
	Shard  string
	Bucket int
	// Owner is the id of the shard that has the bucket since Epoch.
	Owner int
	Epoch int64
}

func (e *RestoredError) Error() string {
	return fmt.Sprintf("%s: owns bucket %d, which shard %d has since epoch %d: it was restored from before a move. Fix: shardctl reconcile", e.Shard, e.Bucket, e.Owner, e.Epoch)
}

// checkOwners asks all shards, and remembers which buckets have two owners.
func (r *Router) checkOwners(ctx context.Context) error {
	_, err := FanOut(ctx, r, r.options.ConnectTimeout+r.options.StatementTimeout, Scalar[int]("SELECT 1"))
	var partial *PartialError
	var twice []int
	if errors.As(err, &partial) {
		twice = partial.Twice
	}
	refused := map[int]bool{}
	for _, bucket := range twice {
		refused[bucket] = true
	}
	r.twice.Store(&refused)
	if twice == nil {
		return nil
	}
	return &OwnedTwiceError{twice}
}

// followOwners looks again and again until the context ends.
func (r *Router) followOwners(ctx context.Context) {
	ticker := time.NewTicker(ownersEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := r.checkOwners(ctx); err != nil {
				r.options.Log.Error("refusing buckets", "error", err.Error())
			}
		}
	}
}

// refused returns an error for a bucket that two shards own.
func (r *Router) refused(userID int64) error {
	twice, m := r.twice.Load(), r.Map()
	bucket := shardmap.Bucket(userID, m.Buckets)
	if twice == nil || !(*twice)[bucket] {
		return nil
	}
	return &UnavailableError{Shard: m.ShardOf(userID).Name, Err: &OwnedTwiceError{[]int{bucket}}}
}

// epochs are the latest owners that any connection has told of, by bucket.
type epochs struct {
	mu     sync.Mutex
	latest map[int]holding
}

// check compares what a new connection's shard says. A restore restarts the
// server, so that every client connects anew.
func (e *epochs) check(ctx context.Context, conn *pgx.Conn, shard *shardmap.Shard) error {
	restored := e.read(ctx, conn, shard)
	var found *RestoredError
	if errors.As(restored, &found) {
		// A bucket may have moved while the first answer was on its way.
		restored = e.read(ctx, conn, shard)
	}
	return restored
}

func (e *epochs) read(ctx context.Context, conn *pgx.Conn, shard *shardmap.Shard) error {
	// Asked once per connection: preparing it would be a round trip for nothing.
	list, err := collectHoldings(conn.Query(ctx, selectHoldings, pgx.QueryExecModeExec))
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, h := range list {
		known := e.latest[h.Bucket]
		if h.Here && h.Epoch < known.Epoch && known.Owner != shard.ID {
			return &RestoredError{Shard: shard.Name, Bucket: h.Bucket, Owner: known.Owner, Epoch: known.Epoch}
		}
		if h.Epoch > known.Epoch {
			e.latest[h.Bucket] = h
		}
	}
	return nil
}
