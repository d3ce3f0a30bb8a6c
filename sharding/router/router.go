// Package router runs each operation on a user on the shard that has the user, through
// one connection pool per shard.
//
// It reloads the shard map's file while it runs, and trusts the databases more than the
// map: an operation that a shard's fence refuses follows the bucket to its owner, even
// while the bucket moves.
//
// [Router.Read] and [Router.Write] serve one user, [FanOut] asks all shards, and
// [Router.For] hands out a pool for transactions of your own. [Router.Follow] keeps the
// map current.
package router

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/scalestack/scalestack/sharding/identity"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"golang.org/x/sync/errgroup"
)

// Router routes operations. It is safe for concurrent use.
type Router struct {
	options Options
	metrics *metrics
	heat    *heat
	// routes is replaced as a whole, so that no reader sees half a map.
	routes  atomic.Pointer[routes]
	learned learned
	known   epochs
	// twice are the buckets that two shards own.
	twice atomic.Pointer[doubles]
	// checking serializes looks at all shards; reads never take it.
	checking sync.Mutex
	// reloading serializes reloads; reads never take it.
	reloading sync.Mutex
}

// routes are one map and the pools of exactly its shards.
type routes struct {
	content string
	shards  *shardmap.Map
	pools   map[shardmap.Shard]*pgxpool.Pool
}

// target is where one operation goes.
type target struct {
	shard *shardmap.Shard
	pool  *pgxpool.Pool
}

func (r *routes) to(shard *shardmap.Shard) target {
	return target{shard: shard, pool: r.pools[*shard]}
}

// New reads the map and prepares the pools. It does not connect yet.
func New(o Options) (*Router, error) {
	o = o.withDefaults()
	r := &Router{options: o, metrics: newMetrics(o.Metrics), known: epochs{latest: map[int]holding{}}}
	if err := r.Reload(); err != nil {
		return nil, err
	}
	r.learned = make(learned, r.Map().Buckets)
	r.heat = newHeat(r.Map().Buckets)
	o.Metrics.MustRegister(poolCollector{r}, r.heat)
	return r, nil
}

// Map returns the map in use. Treat it as read-only.
func (r *Router) Map() *shardmap.Map { return r.routes.Load().shards }

// Reload reads the map's file and switches to it if it has changed. After an error the
// previous map stays in use.
func (r *Router) Reload() error {
	r.reloading.Lock()
	defer r.reloading.Unlock()
	old := r.routes.Load()
	next, err := r.read(old)
	if err != nil {
		r.metrics.reloadFailures.Inc()
		return fmt.Errorf("shard map %s: %w", r.options.MapFile, err)
	}
	if next == old {
		return nil
	}
	r.routes.Store(next)
	r.metrics.generation.Set(float64(next.shards.Generation))
	r.options.Log.Info("shard map loaded", "generation", next.shards.Generation, "shards", len(next.shards.Shards))
	closeUnused(old, next)
	return nil
}

func (r *Router) reloadOrKeep() {
	if err := r.Reload(); err != nil {
		r.options.Log.Error("keeping the old shard map", "error", err.Error())
	}
}

func (r *Router) read(old *routes) (*routes, error) {
	content, err := os.ReadFile(r.options.MapFile)
	if err != nil {
		return nil, err
	}
	if old != nil && old.content == string(content) {
		return old, nil
	}
	m, err := shardmap.Decode(content)
	if err != nil {
		return nil, err
	}
	if old != nil {
		if err := checkSuccessor(old.shards, m); err != nil {
			return nil, err
		}
	}
	return r.build(string(content), m, old)
}

// checkSuccessor refuses a map of other data.
func checkSuccessor(old, next *shardmap.Map) error {
	if old.Cluster != next.Cluster || old.Buckets != next.Buckets || old.InitialShards != next.InitialShards {
		return fmt.Errorf("refused: cluster, buckets and initialShards are %s, %d and %d and cannot become %s, %d and %d",
			old.Cluster, old.Buckets, old.InitialShards, next.Cluster, next.Buckets, next.InitialShards)
	}
	return nil
}

// build reuses the pools of shards that have not changed.
func (r *Router) build(content string, m *shardmap.Map, old *routes) (*routes, error) {
	next := &routes{content: content, shards: m, pools: make(map[shardmap.Shard]*pgxpool.Pool, len(m.Shards))}
	for i := range m.Shards {
		shard := &m.Shards[i]
		if old != nil && old.pools[*shard] != nil {
			next.pools[*shard] = old.pools[*shard]
			continue
		}
		pool, err := r.options.newPool(context.Background(), m, shard, &r.known)
		if err != nil {
			closeUnused(next, old)
			return nil, err
		}
		next.pools[*shard] = pool
	}
	return next, nil
}

// closeUnused closes those pools of old that next does not have. Close waits for
// running operations, so each runs in its own goroutine.
func closeUnused(old, next *routes) {
	if old == nil {
		return
	}
	for shard, pool := range old.pools {
		if next == nil || next.pools[shard] != pool {
			go pool.Close()
		}
	}
}

// Follow reloads the map whenever its file changes, until the context ends. It compares
// the content, because notifications about the file miss the swapped links of a
// ConfigMap. Every 30 s it also checks whether two shards own the same bucket, see
// [OwnedTwiceError].
func (r *Router) Follow(ctx context.Context, every time.Duration) {
	go r.followOwners(ctx)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			r.reloadOrKeep()
		}
	}
}

// Verify connects to all shards at once. It returns an *[identity.MismatchError] for
// each shard that is not the one the map means; do nothing then. A *[RestoredError] or
// an *[OwnedTwiceError] names the operations that are refused until a person has
// decided; all others go on. A shard that cannot be reached is only logged: its users
// have to wait.
func (r *Router) Verify(ctx context.Context) error {
	current := r.routes.Load()
	errs := make([]error, len(current.shards.Shards))
	var all errgroup.Group
	for i := range current.shards.Shards {
		all.Go(func() error {
			errs[i] = r.verify(ctx, current.to(&current.shards.Shards[i]))
			return nil
		})
	}
	_ = all.Wait()
	err := errors.Join(errs...)
	var mismatch *identity.MismatchError
	if errors.As(err, &mismatch) {
		return err
	}
	return errors.Join(err, r.checkOwners(ctx))
}

func (r *Router) verify(ctx context.Context, t target) error {
	err := t.pool.Ping(ctx)
	var mismatch *identity.MismatchError
	if errors.As(err, &mismatch) {
		return mismatch
	}
	var restored *RestoredError
	if errors.As(err, &restored) {
		return restored
	}
	if err != nil {
		r.options.Log.Warn("shard is unavailable", "shard", t.shard.Name, "error", err.Error())
	}
	return nil
}

// Close waits for running operations and closes all connections.
func (r *Router) Close() {
	var all sync.WaitGroup
	for _, pool := range r.routes.Load().pools {
		all.Go(pool.Close)
	}
	all.Wait()
}
