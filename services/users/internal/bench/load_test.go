package bench_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/bench"
	"github.com/stretchr/testify/require"
)

// exponent is that of YCSB's load: the hundredth part of 100,000 users gets more
// than half of the requests.
const exponent = 0.99

// noCache is what the service has without one.
type noCache struct{}

func (noCache) Get(context.Context, int64) users.Cached                  { return users.Cached{} }
func (noCache) Lease(context.Context, int64) (users.Cached, users.Lease) { return users.Cached{}, "" }
func (noCache) Fill(context.Context, int64, users.Lease, *users.User)    {}
func (noCache) Invalidate(context.Context, int64, int64)                 {}

// TestQueriesUnderLoad counts what the same load costs the database without the
// cache and with it.
func TestQueriesUnderLoad(t *testing.T) {
	operations, really := measuring(t, 200)
	known, rounds := 500, 2
	if really {
		known, rounds, operations = 100_000, 5, 4*operations
		machine(t)
	}
	l := startLab(t, known)
	plan := bench.Plan{Rounds: rounds, Operations: operations, Clients: 8}
	for _, changes := range []int{0, 5} {
		require.NoError(t, l.forget(t.Context()))
		without := &load{lab: l, name: "without the cache", service: l.instance(noCache{}).service, changes: changes, plan: plan}
		with := &load{lab: l, name: "with the cache", service: l.instance().service, changes: changes, plan: plan}
		results, err := bench.Alternate(t.Context(), plan, without.side(), with.side())
		require.NoError(t, err)
		publish(t, bench.Compare(
			fmt.Sprintf("%d %% changes, Zipf %.2f over %d users: %d at once, %d rounds of %d operations",
				changes, exponent, known, plan.Clients, plan.Rounds, plan.Operations), results, without.note(), with.note()))
		require.Less(t, with.perOperation()[rounds], without.perOperation()[rounds])
	}
}

// load is a service under load, and what its turns cost the database.
type load struct {
	*lab
	service *users.Service
	name    string
	// changes of a hundred operations are writes.
	changes int
	plan    bench.Plan
	ids     []int
	before  int
	queries []int
}

func (l *load) side() bench.Side {
	return bench.Side{Name: l.name, Prepare: l.prepare, Do: l.do, Finish: l.finish}
}

// prepare draws what the turn asks for; both sides are asked for the same.
func (l *load) prepare(context.Context) error {
	l.ids = bench.NewZipf(l.users, exponent, uint64(len(l.queries))).Draw(l.plan.Operations)
	l.before = l.lab.queries()
	return nil
}

func (l *load) finish(context.Context) error {
	l.queries = append(l.queries, l.lab.queries()-l.before)
	return nil
}

func (l *load) do(ctx context.Context, n int) error {
	id := int64(l.ids[n])
	if n%100 < l.changes {
		_, _, err := l.service.Put(ctx, id, users.Profile{Name: "Changed", Email: "changed@example.com"})
		return err
	}
	answer, err := l.service.Get(ctx, id)
	if err == nil && answer.User == nil {
		err = fmt.Errorf("user %d is not there", id)
	}
	return err
}

// perOperation returns the queries per operation of each turn.
func (l *load) perOperation() []float64 {
	shares := make([]float64, len(l.queries))
	for turn, queries := range l.queries {
		shares[turn] = float64(queries) / float64(l.plan.Operations)
	}
	return shares
}

func (l *load) note() string {
	shares := l.perOperation()
	return fmt.Sprintf("database queries per operation %s: %.3f in the first turn (not timed), %.3f in the last", l.name, shares[0], shares[len(shares)-1])
}
