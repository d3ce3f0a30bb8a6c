package profilecache

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// maxPending bounds the memory for invalidations that Redis has not yet taken.
const maxPending = 100_000

// pending are invalidations that failed. A Redis that was only unreachable
// comes back with its old entries, which would outlive acknowledged changes.
// Other processes may still be served those until the repair, and for the rest
// of an entry's life if this process ends before it.
type pending struct {
	mu       sync.Mutex
	versions map[int64]int64
}

func (p *pending) add(id, version int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.versions[id]; !known && len(p.versions) >= maxPending {
		return false
	}
	if p.versions == nil {
		p.versions = make(map[int64]int64)
	}
	p.versions[id] = max(version, p.versions[id])
	return true
}

func (p *pending) has(id int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, found := p.versions[id]
	return found
}

func (p *pending) all() map[int64]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.versions)
}

// done removes an entry unless a newer version has come meanwhile.
func (p *pending) done(id, version int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.versions[id] == version {
		delete(p.versions, id)
	}
}

// Repair repeats failed invalidations until the context ends.
func (c *Cache) Repair(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			c.repairOnce(ctx)
		}
	}
}

// repairOnce asks no server again that has failed: the others would fail alike.
func (c *Cache) repairOnce(ctx context.Context) {
	down := map[*server]bool{}
	for id, version := range c.pending.all() {
		servers := c.servers.marked(key(id))
		if slices.ContainsFunc(servers, func(s *server) bool { return down[s] }) {
			continue
		}
		if err := c.Mark(ctx, id, version); err != nil {
			for _, s := range servers {
				down[s] = s.resting()
			}
			continue
		}
		c.pending.done(id, version)
		c.metrics.invalidations.WithLabelValues("repaired").Inc()
	}
}
