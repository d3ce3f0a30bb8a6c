package bench_test

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/bench"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// pace is a load whose requests come in fixed intervals, whether or not the
// answers do.
type pace struct {
	count int
	every time.Duration
}

func (p pace) run(ctx context.Context, do func(context.Context, int) error) (bench.Sample, error) {
	sample := make(bench.Sample, p.count)
	tick := time.NewTicker(p.every)
	defer tick.Stop()
	requests, ctx := errgroup.WithContext(ctx)
	for n := range p.count {
		requests.Go(func() error {
			began := time.Now()
			err := do(ctx, n)
			sample[n] = time.Since(began)
			return err
		})
		<-tick.C
	}
	return sample, requests.Wait()
}

// delays registers users at a pace, and measures from the time of each event
// until its effect: the provider has taken the mail, the count is committed,
// Redis has the mark. All clocks are this machine's.
func (r *registrations) delays(p pace) bench.Report {
	r.t.Helper()
	before := maps.Clone(r.followed)
	answers, err := p.run(r.t.Context(), r.register)
	require.NoError(r.t, err)
	require.NoError(r.t, r.settle(r.t.Context()))
	mailed, counted := r.mailed(), r.counted()
	mail := bench.Result{Name: "email: the provider has the mail", Rounds: make([]bench.Sample, 1)}
	count := bench.Result{Name: "analytics: the count is committed", Rounds: make([]bench.Sample, 1)}
	mark := bench.Result{Name: "invalidate: the cache is marked", Rounds: make([]bench.Sample, 1)}
	for id, began := range r.followed {
		if _, earlier := before[id]; !earlier {
			mail.Rounds[0] = append(mail.Rounds[0], mailed[id].Sub(began))
			count.Rounds[0] = append(count.Rounds[0], counted[id].Sub(began))
			mark.Rounds[0] = append(mark.Rounds[0], r.marks.first[id].Sub(began))
		}
	}
	return bench.List(fmt.Sprintf("from the event to its effect, a registration every %s, a provider that takes %s per mail", p.every, r.provider.delay),
		[]bench.Result{{Name: "the answer to POST /users", Rounds: []bench.Sample{answers}}, mail, count, mark})
}

// counted returns when each user's count was committed.
func (r *registrations) counted() map[int64]time.Time {
	return userMap[time.Time](r, "SELECT user_id, pg_xact_commit_timestamp(xmin) FROM activity")
}

// mailed returns when the provider had each user's mail: its Message-ID is the
// event's id, and the consumer notes which event was whose.
func (r *registrations) mailed() map[int64]time.Time {
	r.t.Helper()
	mailed := map[int64]time.Time{}
	for id, event := range userMap[string](r, "SELECT user_id, event_id::text FROM inbox WHERE consumer = 'email'") {
		at, known := r.provider.of(event)
		require.True(r.t, known, "no mail of event %s", event)
		mailed[id] = at
	}
	return mailed
}

// userMap returns what a query of the shard yields for each user.
func userMap[T any](r *registrations, sql string) map[int64]T {
	r.t.Helper()
	conn := r.Servers[0].Admin(pgtest.Database(0))
	defer conn.Close(context.Background())
	rows, err := conn.Query(context.Background(), sql)
	require.NoError(r.t, err)
	all := map[int64]T{}
	var id int64
	var value T
	_, err = pgx.ForEachRow(rows, []any{&id, &value}, func() error { all[id] = value; return nil })
	require.NoError(r.t, err)
	return all
}
