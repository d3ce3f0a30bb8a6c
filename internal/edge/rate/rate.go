// Package rate counts requests as Cloudflare's rate limiting rules do, according to the
// pages "Rate limiting parameters" and "Request rate calculation" of its documentation.
//
// As at Cloudflare, a counter belongs to one data centre. Where the documentation
// leaves a choice, a period begins with the first request that is counted in it, and
// counters are exact at once, while Cloudflare's may lag by some seconds.
package rate

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/scalestack/scalestack/internal/edge/expression"
	"github.com/scalestack/scalestack/internal/edge/rules"
)

// clients is how many counters are kept at once; the least recently used go first.
const clients = 100_000

// Counter counts the requests of each client under each rule. It is safe for
// concurrent use.
type Counter struct {
	mu      sync.Mutex
	windows *simplelru.LRU[key, *window]
}

type key struct{ ref, client string }

// window is one period of one client.
type window struct {
	begin        time.Time
	requests     int
	blockedUntil time.Time
}

// New returns a counter that has seen nothing.
func New() *Counter {
	c := &Counter{}
	c.windows, _ = simplelru.NewLRU[key, *window](clients, nil)
	return c
}

// Blocked counts a request of a client under each limit that it matches, until one
// blocks it. It returns that limit and how long it still blocks, or nil.
func (c *Counter) Blocked(limits []rules.Limit, r *expression.Request, client string, now time.Time) (*rules.Limit, time.Duration) {
	for i := range limits {
		l := &limits[i]
		if !l.Enabled || !l.When.Matches(r) {
			continue
		}
		if wait := c.count(l, client, now); wait > 0 {
			return l, wait
		}
	}
	return nil, 0
}

func (c *Counter) count(l *rules.Limit, client string, now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	w, found := c.windows.Get(key{l.Ref, client})
	switch {
	case !found || !now.Before(w.begin.Add(l.Period)) && !now.Before(w.blockedUntil):
		w = &window{begin: now}
		c.windows.Add(key{l.Ref, client}, w)
	case now.Before(w.blockedUntil):
		return w.blockedUntil.Sub(now)
	}
	if w.requests++; w.requests <= l.Requests {
		return 0
	}
	w.blockedUntil = now.Add(l.Timeout)
	return l.Timeout
}
