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

// get reads a user, repeatedly if it must: reading again does no harm.
func (w *worker) get(user int64) {
	read := w.options.History.Read(user)
	w.repeat(&w.tally.reads, func(ctx context.Context) outcome {
		r, err := w.options.Target.get(ctx, user)
		if err != nil || !r.readable() {
			return r.failed(err)
		}
		read.Returned(r.Version, r.Name)
		return outcome{ok: true}
	})
}

// put writes a user. It is repeated even when the outcome of an attempt is
// unknown: this client is the only one that writes the user, and the same
// content again undoes nobody's change.
func (w *worker) put(user int64, name string) {
	write := w.options.History.Write(user, name)
	ok := w.repeat(&w.tally.writes, func(ctx context.Context) outcome {
		r, err := w.options.Target.put(ctx, user, name)
		switch written(r, err) {
		case done:
			write.Acknowledged(r.Version)
			return outcome{ok: true}
		case unknown:
			w.tally.unknown.Add(1)
			write.Unknown()
		}
		return r.failed(err)
	})
	if !ok {
		write.GivenUp()
	}
}

// repeat makes attempts until one succeeds, is refused for good, or the
// client's patience ends, and counts the operation. Neither the patience nor
// the end of the run cuts an attempt short: a write would be left of which
// nobody knows when it takes effect.
func (w *worker) repeat(kind *times, attempt func(context.Context) outcome) bool {
	began := time.Now()
	wait := firstWait
	for attempts := 1; ; attempts++ {
		result := w.bounded(attempt)
		wait = max(wait, result.after)
		if result.ok || result.hopeless || time.Since(began)+wait > w.options.Patience {
			kind.add(time.Since(began))
			w.tally.count(attempts, result)
			return result.ok
		}
		time.Sleep(wait)
		wait = min(2*wait, longestWait)
	}
}

func (w *worker) bounded(attempt func(context.Context) outcome) outcome {
	ctx, cancel := context.WithTimeout(context.Background(), w.options.Attempt)
	defer cancel()
	return attempt(ctx)
}
