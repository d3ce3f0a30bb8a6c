// Package router brings each operation on a user to the shard that has the
// user, through one connection pool per shard. It follows the shard map's file
// while it runs, and believes the databases more than the map: an operation
// that a shard's fence refuses follows the bucket to its owner, also through a
// move that is under way.
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
	// routes is replaced as a whole, so that nobody sees half a map.
	routes  atomic.Pointer[routes]
	learned learned
	known   epochs
	// twice are the buckets that two shards own.
	twice atomic.Pointer[doubles]
	// checking orders looks at all shards; reads never take it.
	checking sync.Mutex
	// reloading orders reloads; reads never take it.
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

// New reads the map and prepares the pools. It connects to nothing.
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

// Map returns the map in use. Do not change it.
func (r *Router) Map() *shardmap.Map { return r.routes.Load().shards }

// Reload reads the map's file and takes it over if it has changed. After an
// error the map in use stays.
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

// checkSuccessor refuses a map that other data than ours belongs to.
func checkSuccessor(old, next *shardmap.Map) error {
	if old.Cluster != next.Cluster || old.Buckets != next.Buckets || old.InitialShards != next.InitialShards {
		return fmt.Errorf("refused: cluster, buckets and initialShards are %s, %d and %d and cannot become %s, %d and %d",
			old.Cluster, old.Buckets, old.InitialShards, next.Cluster, next.Buckets, next.InitialShards)
	}
	return nil
}

// build keeps the pools of shards that stay as they are.
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

// closeUnused closes the pools of old that next does not have. Close waits for
// running operations, so each has its own goroutine.
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

// Follow reloads the map whenever its file changes, until the context ends. It
// looks at the content: that also sees the swapped links of a ConfigMap, which
// file notifications of the file itself do not. It also asks every 30 s whether
// two shards own the same bucket, see [OwnedTwiceError].
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

// Verify connects to every shard at once and returns an *[identity.MismatchError] for
// each that is not the one the map means: nothing may be done then. A *[RestoredError]
// or an *[OwnedTwiceError] says what operations are refused until a person has decided,
// and all others go on. A shard that cannot be reached is only logged: its users wait.
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
