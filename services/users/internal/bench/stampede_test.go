package bench_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/bench"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// herd is how many clients want one user at once.
const herd = 1000

// TestStampede holds up the query until every client has missed the cache, the
// worst that can happen. Each instance asks the database once: they share
// nothing but the cache, which has no lock.
func TestStampede(t *testing.T) {
	l := startLab(t, 10)
	for _, instances := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d instances", instances), func(t *testing.T) {
			require.NoError(t, l.forget(t.Context()))
			var services []instance
			for range instances {
				services = append(services, l.instance())
			}
			before := l.queries()
			var all sync.WaitGroup
			defer all.Wait()
			release := l.holdUp()
			defer release()
			for n := range herd {
				all.Go(func() {
					answer, err := services[n%instances].service.Get(t.Context(), 7)
					if err != nil || answer.User == nil {
						t.Errorf("client %d: %+v, %v", n, answer, err)
					}
				})
			}
			require.Eventually(t, func() bool { return misses(t, services) >= herd+instances }, 10*time.Second, time.Millisecond,
				"clients that miss, and one more look into the cache by each instance")
			release()
			all.Wait()
			require.Equal(t, instances, l.queries()-before)
		})
	}
}

// holdUp makes every query on users wait until it is released.
func (l *lab) holdUp() (release func()) {
	conn := l.Servers[0].Admin(pgtest.Database(0))
	_, err := conn.Exec(context.Background(), "BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
	require.NoError(l.t, err)
	return sync.OnceFunc(func() { _ = conn.Close(context.Background()) })
}

// misses returns the lookups without success of all services together.
func misses(t *testing.T, services []instance) (count int) {
	for _, s := range services {
		families, err := s.registry.Gather()
		require.NoError(t, err)
		for _, family := range families {
			for _, metric := range family.GetMetric() {
				if family.GetName() == "scalestack_cache_lookups_total" && metric.GetLabel()[0].GetValue() == "miss" {
					count += int(metric.GetCounter().GetValue())
				}
			}
		}
	}
	return count
}

// TestStampedeLatency measures how long the clients of a stampede wait, beside
// clients who ask the database themselves.
func TestStampedeLatency(t *testing.T) {
	_, really := measuring(t, 0)
	plan := bench.Plan{Rounds: 2, Operations: herd, Clients: herd}
	if really {
		plan.Rounds = 20
		machine(t)
	}
	l := startLab(t, 10)
	bare := &stampede{lab: l, name: "bare query each", ask: func(ctx context.Context, _ int) error { return l.bareQuery(ctx, 7) }}
	one := &stampede{lab: l, name: "one instance", ask: l.through(1)}
	three := &stampede{lab: l, name: "three instances", ask: l.through(3)}
	results, err := bench.Alternate(t.Context(), plan, bare.side(), one.side(), three.side())
	require.NoError(t, err)
	publish(t, bench.Compare(fmt.Sprintf("%d clients want one user that is not in the cache, %d rounds", herd, plan.Rounds),
		results, bare.note(), one.note(), three.note()))
	require.Equal(t, 1, slices.Max(one.queries))
	require.LessOrEqual(t, slices.Max(three.queries), 3)
}

// stampede is one way to meet a herd, and what it cost the database each time.
type stampede struct {
	*lab
	name    string
	ask     func(ctx context.Context, client int) error
	before  int
	queries []int
}

func (s *stampede) side() bench.Side {
	return bench.Side{Name: s.name, Prepare: s.prepare, Do: s.ask, Finish: s.finish}
}

func (s *stampede) prepare(ctx context.Context) error {
	s.before = s.lab.queries()
	return s.forget(ctx)
}

func (s *stampede) finish(context.Context) error {
	s.queries = append(s.queries, s.lab.queries()-s.before)
	return nil
}

func (s *stampede) note() string {
	return fmt.Sprintf("database queries per stampede, %s: %d to %d", s.name, slices.Min(s.queries), slices.Max(s.queries))
}

// through spreads the clients over so many instances.
func (l *lab) through(instances int) func(context.Context, int) error {
	services := make([]*users.Service, instances)
	for n := range services {
		services[n] = l.instance().service
	}
	return func(ctx context.Context, client int) error {
		answer, err := services[client%instances].Get(ctx, 7)
		if err == nil && answer.User == nil {
			err = errors.New("the user is not there")
		}
		return err
	}
}
