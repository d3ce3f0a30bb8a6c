// Package ratelimit limits how many requests each caller may send to this process. The
// bucket is golang.org/x/time/rate's. golang-lru keeps one for each recent caller, so
// that memory is bounded however many come.
package ratelimit

import (
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// callers are remembered, some 200 bytes each. Whoever is forgotten begins anew
// with a full bucket.
const callers = 1 << 16

// Limiter bounds the requests of each caller.
type Limiter struct {
	perSecond rate.Limit
	burst     int
	buckets   *lru.Cache[string, *rate.Limiter]
	now       func() time.Time
}

// New returns a Limiter that lets each caller send perSecond requests a second,
// and burst at once; both are positive.
func New(perSecond, burst int) *Limiter { return newLimiter(perSecond, burst, callers, time.Now) }

func newLimiter(perSecond, burst, callers int, now func() time.Time) *Limiter {
	buckets, err := lru.New[string, *rate.Limiter](callers)
	if err != nil {
		panic(err) // Only a size below 1 is refused.
	}
	return &Limiter{perSecond: rate.Limit(perSecond), burst: burst, buckets: buckets, now: now}
}

// Wait counts a request of a caller. It returns 0 if the request may go on, or how
// long the caller should wait before the next one. What is refused does not count.
func (l *Limiter) Wait(caller string) time.Duration {
	bucket, known := l.buckets.Get(caller)
	if !known {
		// Two first requests at once share the bucket that came first.
		bucket = rate.NewLimiter(l.perSecond, l.burst)
		if earlier, found, _ := l.buckets.PeekOrAdd(caller, bucket); found {
			bucket = earlier
		}
	}
	now := l.now()
	reservation := bucket.ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait > 0 {
		reservation.CancelAt(now)
	}
	return wait
}
