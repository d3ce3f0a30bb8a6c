// Package profilecache keeps user profiles in Redis under user_profile:{id}.
//
// It guarantees that an answer read from the database before a change is not served
// once the change's invalidation is in Redis. A reader that misses gets a lease before
// it reads the database, and Redis accepts its answer only while the key still holds
// that lease. A change replaces whatever is there by a mark, which breaks leases; so do
// a flush, a restart, an eviction and the end of the lease's lifetime. So a late answer
// is never stored, whatever Redis has forgotten.
//
// A change whose outcome is unknown may be made after its invalidation: its statement
// may still be waiting, or be on its way. Its mark grants no leases for as long as it
// lives.
//
// Three cases remain: a change that is made after the lifetime of such a mark, an
// invalidation that never reaches Redis (it is repeated, by this process and by the
// event), and a Redis that comes back with entries from before an invalidation, from a
// snapshot or a replica that lagged, which the stack's does not do. The entry's
// lifetime bounds all three.
//
// Redis may be down, slow or empty at any time: every failure is a miss.
//
// Several servers share the keys by [slots], and each operation is on one key. Their
// number changes in steps, between which clients of two layouts run side by side: what
// one of them may read, the other marks.
package profilecache

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"log/slog"
	mathrand "math/rand/v2"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"golang.org/x/sync/errgroup"
)

var (
	//go:embed lease.lua
	leaseSource string
	//go:embed fill.lua
	fillSource string
	//go:embed mark.lua
	markSource string
)

const invalidateTimeout = 500 * time.Millisecond

// Options configure a Cache; every field is required.
type Options struct {
	// TTL is the life of a profile, give or take 10 %.
	TTL time.Duration
	// NegativeTTL is the life of the knowledge that a user is absent.
	NegativeTTL time.Duration
	// FillTimeout is the longest time between a lease and the answer.
	FillTimeout time.Duration
	Metrics     prometheus.Registerer
	Log         *slog.Logger
}

// Cache is a users.Cache in Redis.
type Cache struct {
	servers *Servers
	lease   *redis.Script
	fill    *redis.Script
	mark    *redis.Script
	options Options
	metrics *metrics
	pending pending
}

var _ users.Cache = (*Cache)(nil)

// New returns a Cache on these servers.
func New(servers *Servers, o Options) *Cache {
	return &Cache{servers: servers, lease: redis.NewScript(leaseSource), fill: redis.NewScript(fillSource), mark: redis.NewScript(markSource),
		options: o, metrics: newMetrics(o.Metrics)}
}

// Get returns what the cache knows.
func (c *Cache) Get(ctx context.Context, id int64) users.Cached {
	at := c.servers.keep.of(key(id))
	if at.resting() {
		c.metrics.lookups.WithLabelValues("skipped").Inc()
		return users.Cached{}
	}
	if c.pending.has(id) {
		c.metrics.lookups.WithLabelValues("miss").Inc()
		return users.Cached{}
	}
	entry, err := at.Get(ctx, key(id)).Result()
	if errors.Is(err, redis.Nil) {
		c.metrics.lookups.WithLabelValues("miss").Inc()
		return users.Cached{}
	}
	if err != nil {
		return c.failed(at, err)
	}
	cached, _ := c.read(id, entry)
	return cached
}

// Lease returns what the cache knows, or else a lease. Without a lease ("") the
// database's answer must not be cached.
func (c *Cache) Lease(ctx context.Context, id int64) (users.Cached, users.Lease) {
	at := c.servers.keep.of(key(id))
	if at.resting() || c.pending.has(id) {
		return users.Cached{}, ""
	}
	entry, err := c.lease.Run(ctx, at, []string{key(id)}, rand.Text(), c.leaseTTL().Milliseconds()).Text()
	if err != nil {
		return c.failed(at, err), ""
	}
	cached, ok := c.read(id, entry)
	switch {
	case !ok:
		// Nobody would ever replace it.
		if err := c.set(ctx, at, id, "", encodeStale(maxVersion)); err != nil {
			c.rest(at, err)
		}
		return cached, ""
	case cached.Known:
		return cached, ""
	}
	return cached, leaseOf(entry)
}

// read is not ok for an entry that makes no sense.
func (c *Cache) read(id int64, entry string) (cached users.Cached, ok bool) {
	cached, err := decode(id, entry)
	if err != nil {
		c.options.Log.Error("ignoring a cache entry", "error", err.Error())
		c.metrics.lookups.WithLabelValues("error").Inc()
		return users.Cached{}, false
	}
	c.metrics.lookups.WithLabelValues(kind(cached)).Inc()
	return cached, true
}

func (c *Cache) failed(at *server, err error) users.Cached {
	c.rest(at, err)
	c.metrics.lookups.WithLabelValues("error").Inc()
	return users.Cached{}
}

func kind(cached users.Cached) string {
	switch {
	case !cached.Known:
		return "miss"
	case cached.User == nil:
		return "negative"
	}
	return "hit"
}

// Fill stores what the database said about a user, nil for an absent one, after
// the lease was given. A lease that is broken meanwhile is no error.
func (c *Cache) Fill(ctx context.Context, id int64, lease users.Lease, user *users.User) {
	at := c.servers.keep.of(key(id))
	if lease == "" || at.resting() {
		return
	}
	entry, err := encodeUser(user)
	if err != nil {
		c.options.Log.Error("encoding a profile", "error", err.Error())
		return
	}
	ttl := c.options.NegativeTTL
	if user != nil {
		ttl = jitter(c.options.TTL)
	}
	if err := c.fill.Run(ctx, at, []string{key(id)}, string(lease), entry, ttl.Milliseconds()).Err(); err != nil {
		c.rest(at, err)
	}
}

// Invalidate makes every version before this one a miss, for everyone. If Redis
// does not take it now, it is tried again in the background.
func (c *Cache) Invalidate(ctx context.Context, id int64, version int64) {
	// A writer waits for this, so no longer than a healthy Redis needs.
	ctx, cancel := context.WithTimeout(ctx, invalidateTimeout)
	defer cancel()
	if err := c.Mark(ctx, id, version); err != nil {
		c.metrics.invalidations.WithLabelValues("error").Inc()
		if !c.pending.add(id, version) {
			c.options.Log.Error("an old profile may be served until it expires", "user", id)
		}
		return
	}
	c.metrics.invalidations.WithLabelValues("ok").Inc()
}

// Mark is Invalidate for callers that can retry themselves. It is done once all servers
// from which anybody may read the user have the mark.
func (c *Cache) Mark(ctx context.Context, id, version int64) error {
	var all errgroup.Group
	for _, at := range c.servers.marked(key(id)) {
		all.Go(func() error { return c.markAt(ctx, at, id, version) })
	}
	return all.Wait()
}

func (c *Cache) markAt(ctx context.Context, at *server, id, version int64) (err error) {
	if version == users.UnknownVersion {
		err = c.set(ctx, at, id, "", encodeUnsettled())
	} else {
		err = c.set(ctx, at, id, strconv.FormatInt(version, 10), encodeStale(min(version, maxVersion)))
	}
	if err != nil {
		c.rest(at, err)
	}
	return err
}

// set puts a mark in the place of everything before a version, "" for all.
func (c *Cache) set(ctx context.Context, at *server, id int64, version, mark string) error {
	return c.mark.Run(ctx, at, []string{key(id)}, version, mark, c.markTTL().Milliseconds()).Err()
}

// leaseTTL has room for clocks that run at different speeds. A lease that ends
// early costs a miss.
func (c *Cache) leaseTTL() time.Duration { return 2 * c.options.FillTimeout }

// markTTL is many times as long as a request, for a change that may be made after its
// invalidation; and for processes of releases without leases, which may run beside
// this one during a rollout: a mark refuses their late answers.
func (c *Cache) markTTL() time.Duration { return 10*c.options.FillTimeout + 10*time.Second }

func (c *Cache) rest(at *server, err error) {
	if at.rest() {
		c.options.Log.Warn("cache is unavailable, reading from the database", "server", at.address, "error", err.Error())
	}
}

func key(id int64) string { return "user_profile:" + strconv.FormatInt(id, 10) }

// jitter spreads entries that were stored together over ±10 % of their life.
func jitter(ttl time.Duration) time.Duration {
	return time.Duration(float64(ttl) * (0.9 + 0.2*mathrand.Float64()))
}
