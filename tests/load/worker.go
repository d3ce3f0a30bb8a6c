package load

import (
	"context"
	"fmt"
	"math/rand/v2"
)

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
	part := max(1, l.options.History.Population().Seeded/int64(l.options.Clients))
	w.pick = func() int64 { return w.random.Int64N(part) }
	if l.options.Zipf > 0 {
		zipf := rand.NewZipf(w.random, l.options.Zipf, 1, uint64(part-1))
		w.pick = func() int64 { return int64(zipf.Uint64()) }
	}
	return w
}

func (w *worker) run(ctx context.Context) {
	for w.pace.Wait(ctx) == nil {
		if w.random.Float64() < w.options.Writes && w.writing.TryRLock() {
			w.write()
			w.writing.RUnlock()
		} else {
			w.read()
		}
	}
}

// user returns one of a worker's users.
func (w *worker) user(owner int64) int64 {
	return w.options.History.Population().First + w.pick()*int64(w.options.Clients) + owner
}

// create returns a user who does not exist yet.
func (w *worker) create() int64 {
	p := w.options.History.Population()
	clients := int64(w.options.Clients)
	// The first multiple of clients from which on nobody is seeded.
	start := (p.Seeded + clients - 1) / clients * clients
	user := p.First + start + w.created*clients + w.number
	w.created++
	return user
}

func (w *worker) write() {
	user := w.user(w.number)
	if w.random.Float64() < w.options.Creates || !w.options.History.Population().Has(user) {
		user = w.create()
	}
	w.changes++
	w.put(user, fmt.Sprintf("Change %d of client %d", w.changes, w.number))
}

func (w *worker) read() {
	if user := w.user(w.random.Int64N(int64(w.options.Clients))); w.options.History.Population().Has(user) {
		w.get(user)
	}
}

// get reads a user, repeatedly if it must: reading again does no harm.
func (w *worker) get(user int64) {
	read := w.options.History.Read(user)
	w.repeat(&w.tally.reads, func(ctx context.Context) outcome {
		r, err := w.target.get(ctx, user)
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
		r, err := w.target.put(ctx, user, name)
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
