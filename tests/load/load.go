package load

import (
	"context"
	"github.com/scalestack/scalestack/sharding/history"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Options describe the clients. Target and History are required.
type Options struct {
	Target  Target
	History *history.History
	// Clients is how many work at once, each on one request at a time, default 8.
	Clients int
	// Rate is the most operations per second of all clients together, default 200.
	Rate float64
	// Writes is the share of operations that write, 0 to 1, default 0.5.
	Writes float64
	// Creates is the share of writes that make a new user, 0 to 1, default 0.1.
	Creates float64
	// Zipf is the exponent, above 1, by which some users are requested more often than
	// others; the default 0 requests all alike.
	Zipf float64
	// Patience is how long a client repeats an operation until it takes it for
	// failed, default 30 s.
	Patience time.Duration
	// Attempt bounds one request, default 6 s. It is more than the service gives
	// itself, so that a write does not go on behind the back of a client that
	// has written again.
	Attempt time.Duration
	// Seed draws the same operations again; their timing is the machine's.
	Seed uint64
}

const (
	defaultPatience = 30 * time.Second
	defaultAttempt  = 6 * time.Second
)

func orDefault[T int | float64 | time.Duration](value *T, byDefault T) {
	if *value == 0 {
		*value = byDefault
	}
}

func (o Options) withDefaults() Options {
	orDefault(&o.Clients, 8)
	orDefault(&o.Rate, 200)
	orDefault(&o.Writes, 0.5)
	orDefault(&o.Creates, 0.1)
	orDefault(&o.Patience, defaultPatience)
	orDefault(&o.Attempt, defaultAttempt)
	return o
}

// Load is clients at work.
type Load struct {
	options Options
	pace    *rate.Limiter
	stop    context.CancelFunc
	running sync.WaitGroup
	// writing is held by each write, and by whoever holds all of them off.
	writing sync.RWMutex
	caller
}

// Start lets the clients work until Stop or until the context ends.
func Start(ctx context.Context, o Options) *Load {
	o = o.withDefaults()
	ctx, stop := context.WithCancel(ctx)
	l := &Load{options: o, pace: rate.NewLimiter(rate.Limit(o.Rate), o.Clients), stop: stop,
		caller: caller{target: o.Target, patience: o.Patience, attempt: o.Attempt}}
	for n := range o.Clients {
		l.running.Go(func() { newWorker(l, n).run(ctx) })
	}
	return l
}

// Stop ends the clients, each after its operation, and reports.
func (l *Load) Stop() Report {
	l.stop()
	l.running.Wait()
	return l.tally.report()
}

// HoldWrites waits until the writes under way have ended. From then on the clients only
// read, until AllowWrites.
func (l *Load) HoldWrites() { l.writing.Lock() }

// AllowWrites ends what HoldWrites has begun.
func (l *Load) AllowWrites() { l.writing.Unlock() }

// Report says how it goes so far.
func (l *Load) Report() Report { return l.tally.report() }
