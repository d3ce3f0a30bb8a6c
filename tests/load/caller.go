package load

import (
	"context"
	"time"
)

// The wait between two attempts doubles from firstWait to longestWait, unless
// the service asks for more.
const (
	firstWait   = 20 * time.Millisecond
	longestWait = time.Second
)

// caller makes requests as a client does, again and again if it must.
type caller struct {
	target Target
	// patience is how long an operation is repeated, attempt bounds one request.
	patience, attempt time.Duration
	tally             tally
}

// outcome is the end of one attempt.
type outcome struct {
	ok bool
	// hopeless means that no repetition will succeed.
	hopeless bool
	// after is how long the service asks to wait.
	after time.Duration
	err   error
}

func (r reply) failed(err error) outcome {
	return outcome{hopeless: err == nil && r.refused(), after: r.after, err: r.reason(err)}
}

// repeat makes attempts until one succeeds, is refused for good, or the
// client's patience ends, and counts the operation. Neither the patience nor
// the end of the run cuts an attempt short: a write would be left of which
// nobody knows when it takes effect.
func (c *caller) repeat(kind *times, attempt func(context.Context) outcome) bool {
	began := time.Now()
	wait := firstWait
	for attempts := 1; ; attempts++ {
		result := c.bounded(attempt)
		wait = max(wait, result.after)
		if result.ok || result.hopeless || time.Since(began)+wait > c.patience {
			kind.add(time.Since(began))
			c.tally.count(attempts, result)
			return result.ok
		}
		time.Sleep(wait)
		wait = min(2*wait, longestWait)
	}
}

func (c *caller) bounded(attempt func(context.Context) outcome) outcome {
	ctx, cancel := context.WithTimeout(context.Background(), c.attempt)
	defer cancel()
	return attempt(ctx)
}
