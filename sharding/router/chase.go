package router

import (
	"context"
	"sync/atomic"

	"github.com/scalestack/scalestack/sharding/shardmap"
)

// freeHops without a wait are enough for every legitimate chain of owners.
const freeHops = 8

// learned caches what shards reported about buckets that are not where the map says: by
// bucket the owner's id plus one, 0 for unknown. The desired map may be ahead of a move
// or, as a mounted ConfigMap, a minute behind.
type learned []atomic.Int32

// chase finds the owner of one user's bucket.
type chase struct {
	router *Router
	userID int64
	bucket int
	// owner is the one that the latest known epoch names.
	owner int
	epoch int64
	hops  int
	// others counts the shards that were asked because the map lacks the owner.
	others int
	backoff
}

func (r *Router) newChase(userID int64) chase {
	m := r.Map()
	bucket := shardmap.Bucket(userID, m.Buckets)
	owner := m.Assignment[bucket]
	if known := int(r.learned[bucket].Load()) - 1; known >= 0 {
		owner = known
	}
	return chase{router: r, userID: userID, bucket: bucket, owner: owner}
}

// start returns the shard to ask first.
func (c *chase) start() target {
	current := c.router.routes.Load()
	shard := current.shards.Shard(c.owner)
	if shard == nil {
		shard = current.shards.ShardOf(c.userID)
	}
	return current.to(shard)
}

// after follows a refusal to the owner that it names, or waits while there is none:
// while the refusing shard is fenced, or the owner has not taken over yet. Epochs grow
// with every change of owner, so a report with an older one is ignored.
func (c *chase) after(ctx context.Context, asked target, failure *attemptError) (next target, reason string) {
	if c.begin() {
		c.router.reloadOrKeep()
	}
	if owner, epoch := failure.owner(); owner >= 0 && (epoch > c.epoch || c.epoch == 0) {
		c.owner, c.epoch = owner, epoch
	}
	current := c.router.routes.Load()
	shard := current.shards.Shard(c.owner)
	c.hops++
	wait := c.hops > freeHops
	switch {
	case shard == nil:
		shard, wait = c.another(current.shards, asked.shard)
	case shard.ID == asked.shard.ID:
		wait = true
	}
	if !wait {
		return current.to(shard), "moved"
	}
	if !c.pause(ctx) {
		return target{}, ""
	}
	return current.to(shard), "fenced"
}

// another returns the next shard to ask while the named owner is not in the map: it is
// newer than the map, or has left it. A shard that left has passed the bucket on, and
// only the shard that received it knows. After a round of all shards the caller waits.
func (c *chase) another(m *shardmap.Map, asked *shardmap.Shard) (shard *shardmap.Shard, wait bool) {
	c.others++
	next := 0
	for i := range m.Shards {
		if m.Shards[i].ID > asked.ID {
			next = i
			break
		}
	}
	return &m.Shards[next], c.others%len(m.Shards) == 0
}

// found remembers an owner that refusals led to.
func (c *chase) found(at target) {
	if c.deadline.IsZero() {
		return
	}
	c.router.learned[c.bucket].Store(int32(at.shard.ID) + 1)
}
