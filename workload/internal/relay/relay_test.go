package relay_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalestack/scalestack/router"
	"github.com/scalestack/scalestack/workload/internal/events"
	"github.com/scalestack/scalestack/workload/internal/kafkafake"
	"github.com/scalestack/scalestack/workload/internal/pgtest"
	"github.com/scalestack/scalestack/workload/internal/relay"
	"github.com/scalestack/scalestack/workload/internal/shardtest"
	"github.com/scalestack/scalestack/workload/internal/users"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const patience = 20 * time.Second

// rig is shards, a service that writes, and a Kafka.
type rig struct {
	*testing.T
	shards *pgtest.Shards
	router *router.Router
	store  *users.Store
	kafka  *kafkafake.Kafka
}

func newRig(t *testing.T, n int) *rig {
	kafka := kafkafake.Start(t, events.UserTopic, events.ProductTopic)
	shards, r := shardtest.Start(t, n)
	return &rig{T: t, shards: shards, router: r, store: users.NewStore(r), kafka: kafka}
}

func testLog() *slog.Logger {
	if testing.Verbose() {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.DiscardHandler)
}

// start runs a relay; the result ends it and waits for its end.
func (r *rig) start() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	one := relay.New(relay.Options{
		Map: r.router.Map, Connect: r.shards.App.As("relay").ConnConfig, Kafka: r.kafka.Client(relay.Producer()...),
		Poll: 5 * time.Millisecond, Batch: 7, Grace: 5 * time.Second, InboxRetention: time.Hour,
		Metrics: prometheus.NewRegistry(), Log: testLog(),
	})
	var running sync.WaitGroup
	running.Go(func() { one.Run(ctx) })
	stop = func() { cancel(); running.Wait() }
	r.Cleanup(stop)
	return stop
}

func (r *rig) put(user int64) {
	r.Helper()
	_, _, err := r.store.Put(context.Background(), user, users.Profile{Name: "Ada", Email: "ada@example.com"})
	require.NoError(r, err)
}

func (r *rig) waiting() (rows int) {
	for id, server := range r.shards.Servers {
		rows += server.Count(pgtest.Database(id), `SELECT count(*) FROM outbox WHERE EXISTS (
			SELECT FROM scalestack.ownership WHERE bucket = scalestack.bucket_of(user_id) AND state = 'owned')`)
	}
	return rows
}

func (r *rig) drained() {
	r.Helper()
	require.Eventually(r, func() bool { return r.waiting() == 0 }, patience, 20*time.Millisecond, "events stay in the outbox")
}

// published checks that every user's first copies are its events 1 to n, in
// order, and returns how many copies there are beyond that.
func (r *rig) published(n map[int64]int) (copies int) {
	r.Helper()
	seen, ids := map[int64]int64{}, map[string]bool{}
	partitions := map[int64]int32{}
	for _, record := range r.kafka.Records(events.UserTopic) {
		e, err := events.FromRecord(record)
		require.NoError(r, err)
		if ids[e.ID.String()] {
			copies++
			continue
		}
		ids[e.ID.String()] = true
		seen[e.UserID]++
		require.Equal(r, seen[e.UserID], e.Sequence, "user %d", e.UserID)
		partition, known := partitions[e.UserID]
		require.True(r, !known || partition == record.Partition, "one user, one partition")
		partitions[e.UserID] = record.Partition
	}
	for user, want := range n {
		require.EqualValues(r, want, seen[user], "user %d", user)
	}
	require.Len(r, seen, len(n))
	return copies
}

func TestEventsArePublishedInOrder(t *testing.T) {
	r := newRig(t, 2)
	want := map[int64]int{}
	write := func() {
		for n := range 60 {
			id := int64(n%13 - 6)
			r.put(id)
			want[id]++
		}
	}
	write()
	stop := r.start()
	write()
	r.drained()
	require.Zero(t, r.published(want), "no copy without a failure")
	e, err := events.FromRecord(r.kafka.Records(events.UserTopic)[0])
	require.NoError(t, err)
	require.Equal(t, "/scalestack/test", e.Source)

	stop()
	_, _, err = r.store.PutProduct(t.Context(), 1, "A", users.Offer{Name: "Lamp"})
	require.NoError(t, err)
	r.start()
	r.drained()
	products := r.kafka.Records(events.ProductTopic)
	require.Len(t, products, 1)
	require.Equal(t, "1", string(products[0].Key))
}

func TestOneRelayAtATimeAndTheNextTakesOver(t *testing.T) {
	r := newRig(t, 1)
	stops := []func(){r.start(), r.start(), r.start()}
	want := map[int64]int{}
	for i, stop := range stops {
		for n := range 40 {
			r.put(int64(n % 5))
			want[int64(n%5)]++
		}
		if i < len(stops)-1 {
			stop()
		}
	}
	r.drained()
	require.Zero(t, r.published(want), "two relays were at work, or one did not end well")
}

// endSessions kills the sessions of all relays, and with them their locks.
func (r *rig) endSessions() {
	r.shards.Servers[0].Exec("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'relay'")
}

// onProduce runs before the broker sees a batch of events.
func (r *rig) onProduce(do func(n int) error) {
	var n atomic.Int32
	r.kafka.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		r.kafka.KeepControl()
		if err := do(int(n.Add(1))); err != nil {
			return nil, err, true
		}
		return nil, nil, false
	})
}

func TestACrashBetweenPublishingAndDeleting(t *testing.T) {
	r := newRig(t, 1)
	want := map[int64]int{}
	for n := range 30 {
		r.put(int64(n % 5))
		want[int64(n%5)]++
	}
	r.onProduce(func(n int) error {
		if n == 2 {
			r.endSessions()
		}
		return nil
	})
	r.start()
	r.drained()
	require.Equal(t, 7, r.published(want), "the batch whose rows could not be deleted comes twice")
}

func TestRegistrationsGoOnWithoutKafka(t *testing.T) {
	r := newRig(t, 1)
	var down atomic.Bool
	down.Store(true)
	r.onProduce(func(int) error {
		if down.Load() {
			return errors.New("down")
		}
		return nil
	})
	r.start()
	want := map[int64]int{}
	for n := range 50 {
		r.put(int64(n % 5))
		want[int64(n%5)]++
	}
	require.Equal(t, 50, r.waiting())
	down.Store(false)
	r.drained()
	r.published(want)
}

func TestAShardThatRestarts(t *testing.T) {
	r := newRig(t, 1)
	r.start()
	r.put(1)
	r.drained()
	r.shards.Servers[0].Kill()
	r.shards.Servers[0].Run()
	// The old pool's connection may only now learn of the end.
	r.store = users.NewStore(shardtest.Router(t, r.shards))
	r.put(1)
	r.drained()
	r.published(map[int64]int{1: 2})
}

// moveRows copies a bucket's rows as a move does: behind the fence's back.
func (r *rig) moveRows(bucket, from, to int) {
	source, target := r.shards.Servers[from].Admin(pgtest.Database(from)), r.shards.Servers[to].Admin(pgtest.Database(to))
	defer source.Close(context.Background())
	defer target.Close(context.Background())
	_, err := target.Exec(context.Background(), "SET session_replication_role = replica")
	require.NoError(r, err)
	for _, table := range []string{"users", "outbox"} {
		rows, err := source.Query(context.Background(), fmt.Sprintf("SELECT %[1]s FROM %[1]s WHERE scalestack.bucket_of(user_id) = $1", table), bucket)
		require.NoError(r, err)
		var texts []string
		for rows.Next() {
			texts = append(texts, string(rows.RawValues()[0]))
		}
		require.NoError(r, rows.Err())
		for _, text := range texts {
			_, err := target.Exec(context.Background(), fmt.Sprintf("INSERT INTO %[1]s SELECT ($1::text::%[1]s).*", table), text)
			require.NoError(r, err)
		}
	}
}

// While a batch is on its way its bucket moves. The source must not lose it, the
// target publishes what the source could not delete, and goes on from there.
func TestABucketMovesWhileItIsPublished(t *testing.T) {
	r := newRig(t, 2)
	want := map[int64]int{}
	for n := range 12 {
		r.put(int64(n % 2 * 4)) // users 0 and 4, both on shard 0
		want[int64(n%2*4)]++
	}
	r.onProduce(func(n int) error {
		if n == 1 {
			r.shards.Servers[0].Exec(pgtest.Database(0), "UPDATE scalestack.ownership SET state = 'fenced' WHERE bucket = 4")
			r.moveRows(4, 0, 1)
			shardtest.Move(r.shards, 4, 0, 1)
			r.put(4)
			want[4]++
		}
		return nil
	})
	r.start()
	r.drained()
	require.Positive(t, r.published(want), "the target cannot know what the source had published")
	require.Positive(t, r.shards.Servers[0].Count(pgtest.Database(0), "SELECT count(*) FROM outbox WHERE user_id = 4"), "old rows are the mover's business")
}

func TestWhatTheShardDoesNotOwnIsNotPublished(t *testing.T) {
	r := newRig(t, 2)
	r.put(4)
	r.moveRows(4, 0, 1)
	r.shards.Servers[0].Exec(pgtest.Database(0), "UPDATE scalestack.ownership SET state = 'fenced' WHERE bucket = 4")
	r.put(1)
	r.start()
	require.Eventually(t, func() bool { return len(r.kafka.Records(events.UserTopic)) == 1 }, patience, 20*time.Millisecond)
	require.Never(t, func() bool { return len(r.kafka.Records(events.UserTopic)) > 1 }, 200*time.Millisecond, 50*time.Millisecond)

	r.shards.Servers[0].Exec(pgtest.Database(0), "UPDATE scalestack.ownership SET fenced_until = now() WHERE bucket = 4")
	require.Eventually(t, func() bool { return len(r.kafka.Records(events.UserTopic)) == 2 }, patience, 20*time.Millisecond, "a fence that has lapsed is none")
}

func TestTheInboxIsCleaned(t *testing.T) {
	r := newRig(t, 1)
	r.shards.Servers[0].Exec(pgtest.Database(0), `
		INSERT INTO inbox (user_id, consumer, event_id, changed_at)
		SELECT n, 'email', gen_random_uuid(), now() - CASE WHEN n <= 2500 THEN interval '2 hours' ELSE interval '0' END FROM generate_series(1, 2600) AS n`)
	r.start()
	require.Eventually(t, func() bool {
		return r.shards.Servers[0].Count(pgtest.Database(0), "SELECT count(*) FROM inbox") == 100
	}, patience, 20*time.Millisecond)
}

func TestOrderSurvivesEverything(t *testing.T) {
	r := newRig(t, 2)
	r.onProduce(func(n int) error {
		switch {
		case n%7 == 3:
			return errors.New("a connection that breaks before")
		case n%11 == 5:
			r.endSessions()
		}
		return nil
	})
	stops := []func(){r.start(), r.start()}
	want, mu := map[int64]int{}, sync.Mutex{}
	var all sync.WaitGroup
	for worker := range int64(4) {
		all.Go(func() {
			for n := range int64(60) {
				id := n%5*4 + worker
				r.put(id)
				mu.Lock()
				want[id]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	stops[0]()
	r.drained()
	t.Log("copies: " + strconv.Itoa(r.published(want)))
}
