package router

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// Result is one shard's answer.
type Result[T any] struct {
	Shard shardmap.Shard
	Value T
}

// Ask puts a question to one shard. It may be called again for the same shard, and must
// only read.
type Ask[T any] func(ctx context.Context, s Snapshot) (T, error)

// FanOut asks all shards at once, each for at most perShard, and returns their answers
// by ascending shard id. A question must count only rows that the shard owns, see
// [Router.Owned]: then every user is seen exactly once, even while buckets move.
//
// Each shard answers from one snapshot taken during the call, so everything that was
// acknowledged before the call is seen. The snapshots of different shards are not taken
// at the same moment: of two changes on two shards during the call, either may be seen
// without the other. With its answer a shard reports, from the same snapshot, which
// buckets it owns. If a bucket switched between two snapshots and was seen twice or not
// at all, the shard with the outdated answer is asked again.
//
// If shards give no answer, the error is a *[PartialError], and the answers of the
// others are returned with it.
func FanOut[T any](ctx context.Context, r *Router, perShard time.Duration, ask Ask[T]) ([]Result[T], error) {
	f := newFanOut(r, perShard, ask)
	seen := f.run(ctx)
	return f.results(), f.partial(seen)
}

func newFanOut[T any](r *Router, perShard time.Duration, ask Ask[T]) *fanOut[T] {
	return &fanOut[T]{router: r, perShard: perShard, ask: ask, answers: map[int]*answer[T]{}}
}

// run asks until the answers agree or asking again does not help.
func (f *fanOut[T]) run(ctx context.Context) census {
	var wait backoff
	var again []int
	for {
		f.round(ctx, again)
		seen := takeCensus(f.router.Map().Buckets, f.holdings(), f.failed())
		if !seen.unsettled || !wait.pause(ctx) {
			return seen
		}
		f.router.metrics.repeats.WithLabelValues("switched").Inc()
		f.router.reloadOrKeep()
		again = seen.again
	}
}

type fanOut[T any] struct {
	router   *Router
	perShard time.Duration
	ask      Ask[T]
	// answers holds the latest ones, by shard id.
	answers map[int]*answer[T]
}

type answer[T any] struct {
	shard    shardmap.Shard
	value    T
	holdings []holding
	// old means that the shard was asked again and gave no answer.
	old bool
	err error
}

// round asks the shards that have not answered yet, and some again. If a shard does not
// answer this time, its previous answer stays: the census finds what that lacks.
func (f *fanOut[T]) round(ctx context.Context, again []int) {
	current := f.router.routes.Load()
	before := maps.Clone(f.answers)
	var all sync.WaitGroup
	for i := range current.shards.Shards {
		shard := &current.shards.Shards[i]
		if f.answers[shard.ID] != nil && !slices.Contains(again, shard.ID) {
			continue
		}
		a := &answer[T]{shard: *shard}
		f.answers[shard.ID] = a
		all.Go(func() { f.fill(ctx, current.to(shard), a) })
	}
	all.Wait()
	for id, a := range before {
		if f.answers[id].err != nil && a.err == nil {
			a.old = true
			f.answers[id] = a
		}
	}
}

// fill repeats once what failed for a passing reason.
func (f *fanOut[T]) fill(ctx context.Context, at target, a *answer[T]) {
	ctx, cancel := context.WithTimeout(ctx, f.perShard)
	defer cancel()
	failure := f.router.attempt(ctx, at, f.operation(a))
	if failure != nil && ctx.Err() == nil && (failure.lost || failure.isTransient()) {
		failure = f.router.attempt(ctx, at, f.operation(a))
	}
	if failure != nil {
		a.err = failure.final(at.shard.Name)
	}
}

func (f *fanOut[T]) operation(a *answer[T]) Operation {
	return func(ctx context.Context, conn *pgxpool.Conn) (err error) {
		tx := &snapshotTx{conn: conn}
		if a.value, err = f.ask(ctx, Snapshot{Shard: a.shard, tx: tx}); err != nil {
			tx.abandon(ctx)
			return err
		}
		a.holdings, err = tx.end(ctx)
		return err
	}
}

func (f *fanOut[T]) holdings() map[int][]holding {
	byShard := map[int][]holding{}
	for id, a := range f.answers {
		if a.err == nil {
			byShard[id] = a.holdings
		}
	}
	return byShard
}

func (f *fanOut[T]) failed() []int {
	var ids []int
	for id, a := range f.answers {
		if a.err != nil {
			ids = append(ids, id)
		}
	}
	return ids
}

func (f *fanOut[T]) inOrder() []*answer[T] {
	var list []*answer[T]
	for _, a := range f.answers {
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b *answer[T]) int { return cmp.Compare(a.shard.ID, b.shard.ID) })
	return list
}

func (f *fanOut[T]) results() []Result[T] {
	var list []Result[T]
	for _, a := range f.inOrder() {
		if a.err == nil {
			list = append(list, Result[T]{Shard: a.shard, Value: a.value})
		}
	}
	return list
}

// partial returns nil if every bucket was seen exactly once.
func (f *fanOut[T]) partial(seen census) error {
	e := &PartialError{Asked: len(f.answers), Missing: seen.missing, Twice: seen.twice}
	for _, a := range f.inOrder() {
		if a.err != nil {
			e.Failures = append(e.Failures, ShardError{Shard: a.shard.Name, Err: a.err})
		}
	}
	if e.Failures == nil && e.Missing == nil && e.Twice == nil {
		return nil
	}
	return e
}
