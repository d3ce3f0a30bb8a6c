package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Options describe the clients. Target and History are required.
type Options struct {
	Target  Target
	History *History
	// Clients is how many work at once, each on one request at a time, default 8.
	Clients int
	// Rate is the most operations per second of all clients together, default 200.
	Rate float64
	// Writes is the share of operations that write, 0 to 1, default 0.5.
	Writes float64
	// Creates is the share of writes that make a new user, 0 to 1, default 0.1.
	Creates float64
	// Zipf is the exponent by which some users are asked for more often than
	// others, more than 1; the default 0 asks for all alike.
	Zipf float64
	// Patience is how long a client repeats an operation until it takes it for
	// failed, default 10 s.
	Patience time.Duration
	// Attempt bounds one request, default 6 s. It is more than the service gives
	// itself, so that a write does not go on behind the back of a client that
	// has written again.
	Attempt time.Duration
	// Seed draws the same operations again; their timing is the machine's.
	Seed uint64
}

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
	orDefault(&o.Patience, 10*time.Second)
	orDefault(&o.Attempt, 6*time.Second)
	return o
}

// Load is clients at work.
type Load struct {
	options Options
	pace    *rate.Limiter
	stop    context.CancelFunc
	running sync.WaitGroup
	tally   tally
}

// Start lets the clients work until Stop or until the context ends.
func Start(ctx context.Context, o Options) *Load {
	o = o.withDefaults()
	ctx, stop := context.WithCancel(ctx)
	l := &Load{options: o, pace: rate.NewLimiter(rate.Limit(o.Rate), o.Clients), stop: stop}
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

// Report says how it goes so far.
func (l *Load) Report() Report { return l.tally.report() }

// worker is one client. It writes only users whose place in the population,
// modulo the number of clients, is its own, and reads all.
type worker struct {
	*Load
	number  int64
	random  *rand.Rand
	pick    func() int64
	created int64
	changes int64
}

func newWorker(l *Load, number int) *worker {
	w := &worker{Load: l, number: int64(number), random: rand.New(rand.NewPCG(l.options.Seed, uint64(number)))}
	// Every worker's part of the population; at least one user each.
	part := max(1, l.options.History.population.Seeded/int64(l.options.Clients))
	w.pick = func() int64 { return w.random.Int64N(part) }
	if l.options.Zipf > 0 {
		zipf := rand.NewZipf(w.random, l.options.Zipf, 1, uint64(part-1))
		w.pick = func() int64 { return int64(zipf.Uint64()) }
	}
	return w
}

func (w *worker) run(ctx context.Context) {
	for w.pace.Wait(ctx) == nil {
		if w.random.Float64() < w.options.Writes {
			w.write()
		} else {
			w.read()
		}
	}
}

// user returns one of a worker's users.
func (w *worker) user(owner int64) int64 {
	return w.options.History.population.First + w.pick()*int64(w.options.Clients) + owner
}

// create returns a user who does not exist yet.
func (w *worker) create() int64 {
	p := w.options.History.population
	clients := int64(w.options.Clients)
	// The first multiple of clients from which on nobody is seeded.
	start := (p.Seeded + clients - 1) / clients * clients
	user := p.First + start + w.created*clients + w.number
	w.created++
	return user
}

func (w *worker) write() {
	user := w.user(w.number)
	if w.random.Float64() < w.options.Creates || !w.options.History.population.seeded(user) {
		user = w.create()
	}
	w.changes++
	w.put(user, fmt.Sprintf("Change %d of client %d", w.changes, w.number))
}

func (w *worker) read() {
	if user := w.user(w.random.Int64N(int64(w.options.Clients))); w.options.History.population.seeded(user) {
		w.get(user)
	}
}
