package router

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	// chaseFor is how long an operation follows a bucket that moves. Nobody
	// takes the bucket's writes for a fraction of that, if all goes well.
	chaseFor = 5 * time.Second
	// chaseEvery is the first wait for a bucket without an owner; it doubles up
	// to longestWait.
	chaseEvery  = 4 * time.Millisecond
	longestWait = 64 * time.Millisecond
)

// backoff is the waits of one operation; its time begins with the first.
type backoff struct {
	wait     time.Duration
	deadline time.Time
}

// begin says whether the time begins now.
func (b *backoff) begin() bool {
	if !b.deadline.IsZero() {
		return false
	}
	b.deadline = time.Now().Add(chaseFor)
	return true
}

// pause waits a little longer each time, and not in step with others.
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
