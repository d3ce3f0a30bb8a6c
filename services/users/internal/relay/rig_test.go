package relay_test

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/kafkafake"
	"github.com/scalestack/scalestack/services/users/internal/relay"
	"github.com/scalestack/scalestack/services/users/internal/shardtest"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/stretchr/testify/require"
)

const patience = 20 * time.Second

// rig is shards, a service that writes, and a Kafka.
type rig struct {
	*testing.T
	shards *pgtest.Shards
	router *router.Router
	store  *users.Store
	kafka  *kafkafake.Kafka
	// poll is how often the relay looks without a reason.
	poll time.Duration
	// batch is how many events go to Kafka at once.
	batch int
}

func newRig(t *testing.T, n int) *rig {
	kafka := kafkafake.Start(t, events.UserTopic, events.ProductTopic)
	shards, r := shardtest.Start(t, n)
	return &rig{T: t, shards: shards, router: r, store: users.NewStore(r, users.StoreOptions{Events: true}), kafka: kafka}
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
		Map: r.router.Map, Connect: shardtest.As(r.shards, "relay").As("relay").ConnConfig, Kafka: r.kafka.Client(relay.Producer()...),
		Poll: cmp.Or(r.poll, 5*time.Millisecond), Batch: cmp.Or(r.batch, 7), Grace: 5 * time.Second, InboxRetention: time.Hour,
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
		rows += server.Count(pgtest.Database(id), `SELECT count(*) FROM outbox_all WHERE EXISTS (
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
