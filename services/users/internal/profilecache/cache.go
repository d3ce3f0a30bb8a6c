// Package profilecache keeps user profiles in Redis under user_profile:{id}.
//
// A change replaces the entry by a mark that holds the new version and expires
// soon. Readers take the mark for a miss; but a reader that fetched the old
// profile before the change and is slow to store it finds the mark and is
// refused, where a plain DEL would have let the old profile in for an hour.
//
// Redis may be down, slow or empty at any time: every failure is a miss.
package profilecache

import (
	"context"
	_ "embed"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/scalestack/scalestack/services/users/internal/users"
)

//go:embed set.lua
var setSource string

// cooldown is how long lookups leave Redis alone after a failure. Otherwise
// each request would wait for its own timeout while Redis does not answer.
const cooldown = time.Second

const invalidateTimeout = 500 * time.Millisecond

// Options configure a Cache; every field is required.
type Options struct {
	// TTL is the life of a profile, give or take 10 %.
	TTL time.Duration
	// NegativeTTL is the life of the knowledge that a user is absent.
	NegativeTTL time.Duration
	// FillTimeout is the longest time between reading the database and storing
	// the result; marks live longer than that.
	FillTimeout time.Duration
	Metrics     prometheus.Registerer
	Log         *slog.Logger
}

// Cache is a users.Cache in Redis.
type Cache struct {
	redis   redis.UniversalClient
	set     *redis.Script
	options Options
	metrics *metrics
	pending pending
	// restUntil is the end of the cooldown in Unix nanoseconds.
	restUntil atomic.Int64
}

var _ users.Cache = (*Cache)(nil)

// New returns a Cache on a client.
func New(client redis.UniversalClient, o Options) *Cache {
	return &Cache{redis: client, set: redis.NewScript(setSource), options: o, metrics: newMetrics(o.Metrics)}
}

// Get returns what the cache knows.
func (c *Cache) Get(ctx context.Context, id int64) users.Cached {
	if c.resting() {
		c.metrics.lookups.WithLabelValues("skipped").Inc()
		return users.Cached{}
	}
	if c.pending.has(id) {
		c.metrics.lookups.WithLabelValues("miss").Inc()
		return users.Cached{}
	}
	entry, err := c.redis.Get(ctx, key(id)).Result()
	if errors.Is(err, redis.Nil) {
		c.metrics.lookups.WithLabelValues("miss").Inc()
		return users.Cached{}
	}
	if err != nil {
		return c.failed(err)
	}
	cached, err := decode(id, entry)
	if err != nil {
		c.options.Log.Error("ignoring a cache entry", "error", err.Error())
		c.metrics.lookups.WithLabelValues("error").Inc()
		return users.Cached{}
	}
	c.metrics.lookups.WithLabelValues(kind(cached)).Inc()
	return cached
}

func (c *Cache) failed(err error) users.Cached {
	c.rest(err)
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

// Fill stores what the database said about a user, nil for an absent one.
func (c *Cache) Fill(ctx context.Context, id int64, user *users.User) {
	if c.resting() {
		return
	}
	entry, err := encodeUser(user)
	if err != nil {
		c.options.Log.Error("encoding a profile", "error", err.Error())
		return
	}
	version, ttl := int64(0), c.options.NegativeTTL
	if user != nil {
		version, ttl = user.Version, jitter(c.options.TTL)
	}
	if err := c.store(ctx, id, version, entry, ttl, isAnswer); err != nil {
		c.rest(err)
	}
}

// Invalidate makes every version before this one a miss, for everyone. If Redis
// does not take it now, it is tried again in the background.
func (c *Cache) Invalidate(ctx context.Context, id int64, version int64) {
	// A writer waits for this, so no longer than a healthy Redis needs.
	ctx, cancel := context.WithTimeout(ctx, invalidateTimeout)
	defer cancel()
	if err := c.Mark(ctx, id, version); err != nil {
		c.rest(err)
		c.metrics.invalidations.WithLabelValues("error").Inc()
		if !c.pending.add(id, version) {
			c.options.Log.Error("an old profile may be served until it expires", "user", id)
		}
		return
	}
	c.metrics.invalidations.WithLabelValues("ok").Inc()
}

// Mark is Invalidate for callers that can try again themselves.
func (c *Cache) Mark(ctx context.Context, id, version int64) error {
	version = min(version, maxVersion)
	return c.store(ctx, id, version, encodeStale(version), c.markTTL(), isMark)
}

// markTTL outlives every fill that read the database before the change, with
// room for clocks that run at different speeds and paused processes.
func (c *Cache) markTTL() time.Duration { return 10*c.options.FillTimeout + 10*time.Second }

// What the script has to know of an entry.
const isAnswer, isMark = 0, 1

func (c *Cache) store(ctx context.Context, id, version int64, entry string, ttl time.Duration, kind int) error {
	return c.set.Run(ctx, c.redis, []string{key(id)}, version, entry, ttl.Milliseconds(), kind).Err()
}

func (c *Cache) resting() bool { return time.Now().UnixNano() < c.restUntil.Load() }

func (c *Cache) rest(err error) {
	until := time.Now().Add(cooldown)
	if before := c.restUntil.Swap(until.UnixNano()); time.Unix(0, before).Before(time.Now()) {
		c.options.Log.Warn("cache is unavailable, reading from the database", "error", err.Error())
	}
}

func key(id int64) string { return "user_profile:" + strconv.FormatInt(id, 10) }

// jitter spreads entries that were stored together over ±10 % of their life.
func jitter(ttl time.Duration) time.Duration {
	return time.Duration(float64(ttl) * (0.9 + 0.2*rand.Float64()))
}
