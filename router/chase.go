package router

import (
	"context"
	"sync/atomic"

	"github.com/scalestack/scalestack/shardmap"
)

// freeHops without a wait are enough for every honest chain of owners.
const freeHops = 8

// learned holds what the shards said of buckets that are not where the map says:
// the owner's id plus one by bucket, 0 for nothing. The desired map may be ahead
// of a move or, as a mounted ConfigMap, a minute behind.
type learned []atomic.Int32

// chase finds the owner of one user's bucket.
type chase struct {
	router *Router
	userID int64
	bucket int
	// owner is who the latest epoch we heard of names.
	owner int
	epoch int64
	hops  int
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

// start returns where to ask first.
func (c *chase) start() target {
	current := c.router.routes.Load()
	shard := current.shards.Shard(c.owner)
	if shard == nil {
		shard = current.shards.ShardOf(c.userID)
	}
	return current.to(shard)
}

// after follows a refusal to the owner that it names, or waits while there is
// none: while the refusing shard is fenced, or has not yet taken over. Epochs
// grow with every change, so what a shard with an older one says is no news.
func (c *chase) after(ctx context.Context, asked target, failure *attemptError) (next target, reason string) {
	if c.begin() {
		c.router.reloadOrKeep()
	}
	if owner, epoch := failure.owner(); owner >= 0 && (epoch > c.epoch || c.epoch == 0) {
		c.owner, c.epoch = owner, epoch
	}
	reason = "moved"
	current := c.router.routes.Load()
	shard := current.shards.Shard(c.owner)
	c.hops++
	if shard == nil || shard.ID == asked.shard.ID || c.hops > freeHops {
		if !c.pause(ctx) {
			return target{}, ""
		}
		reason = "fenced"
	}
	if shard == nil {
		// A shard that the map does not have yet: the refusing one knows when.
		shard = asked.shard
	}
	return current.to(shard), reason
}

// found remembers an owner that refusals led to.
func (c *chase) found(at target) {
	if c.deadline.IsZero() {
		return
	}
	c.router.learned[c.bucket].Store(int32(at.shard.ID) + 1)
}
