package router

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// ownersEvery is how often a router that follows its map checks whether two shards own
// the same bucket.
const ownersEvery = 30 * time.Second

// OwnedTwiceError says that two shards own the same buckets, because one of them was
// restored to a time before a move. Neither knows what the other acknowledges, so
// operations on these buckets are refused until a person has decided.
type OwnedTwiceError struct{ Buckets []int }

func (e *OwnedTwiceError) Error() string {
	return fmt.Sprintf("two shards own bucket %d (%d such buckets): one was restored from before a move. Fix: shardctl reconcile", e.Buckets[0], len(e.Buckets))
}

// RestoredError says that a shard owns a bucket for which a later owner is known: the
// shard was restored to a time before a move.
type RestoredError struct {
	Shard  string
	Bucket int
	// Owner is the id of the shard that owns the bucket since Epoch.
	Owner int
	Epoch int64
}

func (e *RestoredError) Error() string {
	return fmt.Sprintf("%s: owns bucket %d, which shard %d has since epoch %d: it was restored from before a move. Fix: shardctl reconcile", e.Shard, e.Bucket, e.Owner, e.Epoch)
}

// doubles are the buckets that two shards own, with the shards that claim them.
type doubles map[int][]int

// checkOwners asks all shards and records which buckets have two owners.
func (r *Router) checkOwners(ctx context.Context) error {
	r.checking.Lock()
	defer r.checking.Unlock()
	f := newFanOut(r, r.options.ConnectTimeout+r.options.StatementTimeout, Scalar[int]("SELECT 1"))
	seen := f.run(ctx)
	next := doubles{}
	for _, bucket := range seen.twice {
		next[bucket] = f.claimants(bucket)
	}
	for bucket, before := range r.doubles() {
		if claimants := f.stillClaimants(bucket, before); len(claimants) > 1 {
			next[bucket] = claimants
		}
	}
	r.twice.Store(&next)
	if len(next) == 0 {
		return nil
	}
	return &OwnedTwiceError{slices.Sorted(maps.Keys(next))}
}

// doubles returns what the last look at all shards found.
func (r *Router) doubles() doubles {
	if known := r.twice.Load(); known != nil {
		return *known
	}
	return nil
}

// claimants are the shards that own a bucket according to their answers. A shard that
// could not be asked again may have given the bucket away meanwhile.
func (f *fanOut[T]) claimants(bucket int) (ids []int) {
	for _, a := range f.inOrder() {
		if a.err == nil && !a.old && slices.ContainsFunc(a.holdings, func(h holding) bool { return h.Here && h.Bucket == bucket }) {
			ids = append(ids, a.shard.ID)
		}
	}
	return ids
}

// stillClaimants also counts shards that owned the bucket before and do not answer now:
// what they acknowledged must not be forgotten while they are away.
func (f *fanOut[T]) stillClaimants(bucket int, before []int) []int {
	ids := f.claimants(bucket)
	for _, id := range before {
		if a := f.answers[id]; a != nil && (a.err != nil || a.old) {
			ids = append(ids, id)
		}
	}
	return ids
}

// followOwners repeats the check until the context ends.
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
	m := r.Map()
	bucket := shardmap.Bucket(userID, m.Buckets)
	if _, twice := r.doubles()[bucket]; !twice {
		return nil
	}
	return &UnavailableError{Shard: m.ShardOf(userID).Name, Err: &OwnedTwiceError{[]int{bucket}}}
}

// epochs are the latest owners that any connection has reported, by bucket.
type epochs struct {
	mu     sync.Mutex
	latest map[int]holding
}

// check compares what the shard of a new connection reports with what is known. A
// restore restarts the server, so every client connects anew.
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
