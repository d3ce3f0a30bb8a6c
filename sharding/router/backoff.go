package router

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	// chaseFor is how long an operation follows a bucket that moves. Normally nobody
	// takes the bucket's writes for a fraction of that.
	chaseFor = 5 * time.Second
	// chaseEvery is the first wait for a bucket without an owner. It doubles up to
	// longestWait.
	chaseEvery  = 4 * time.Millisecond
	longestWait = 64 * time.Millisecond
)

// backoff holds the waits of one operation. Its time starts with the first wait.
type backoff struct {
	wait     time.Duration
	deadline time.Time
}

// begin reports whether the time starts now.
func (b *backoff) begin() bool {
	if !b.deadline.IsZero() {
		return false
	}
	b.deadline = time.Now().Add(chaseFor)
	return true
}

// pause waits a little longer each time, with jitter.
func (b *backoff) pause(ctx context.Context) bool {
	b.begin()
	if time.Now().After(b.deadline) {
		return false
	}
	b.wait = min(max(2*b.wait, chaseEvery), longestWait)
	timer := time.NewTimer(b.wait/2 + rand.N(b.wait/2))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
