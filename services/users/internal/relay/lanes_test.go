package relay_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/kafkaclient"
	"github.com/scalestack/scalestack/services/users/internal/kafkafake"
	"github.com/scalestack/scalestack/services/users/internal/kafkatest"
	"github.com/scalestack/scalestack/services/users/internal/relay"
	"github.com/scalestack/scalestack/services/users/internal/shardtest"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestATopicThatIsGoneHoldsUpNoOther has no topic for products, and rows for topics
// that there cannot be, in front of everything else.
func TestATopicThatIsGoneHoldsUpNoOther(t *testing.T) {
	shards, r := shardtest.Start(t, 1)
	rig := &rig{T: t, shards: shards, router: r, store: users.NewStore(r, users.StoreOptions{Events: true}), kafka: kafkafake.Start(t, events.UserTopic)}
	want := map[int64]int{}
	for user := range int64(20) {
		rig.put(user)
		want[user] = 1
		_, _, err := rig.store.PutProduct(t.Context(), user, "A", users.Offer{Name: "Lamp"})
		require.NoError(t, err)
	}
	shards.Servers[0].Exec(pgtest.Database(0), `
		INSERT INTO outbox (user_id, sequence, topic, type, schema, data)
		SELECT n, 1, topic, 'UserCreated', 'user/v1', '{}' FROM generate_series(-30, -1) AS n, (VALUES ('gone'), ('no such topic!')) AS t (topic)
		WHERE n % 2 = 0 OR topic = 'gone' ON CONFLICT DO NOTHING`)
	stop := rig.start()
	require.Eventually(t, func() bool { return rig.waitingFor(events.UserTopic) == 0 }, patience, 20*time.Millisecond)
	rig.put(21)
	want[21] = 1
	require.Eventually(t, func() bool { return rig.waitingFor(events.UserTopic) == 0 }, patience, 20*time.Millisecond)
	require.Zero(t, rig.published(want))
	require.Equal(t, 20, rig.waitingFor(events.ProductTopic))

	_, err := kadm.NewClient(rig.kafka.Client()).CreateTopics(t.Context(), 1, 1, nil, events.ProductTopic)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return rig.waitingFor(events.ProductTopic) == 0 }, patience, 20*time.Millisecond)
	stop()
}

func (r *rig) waitingFor(topic string) int {
	return r.shards.Servers[0].Count(pgtest.Database(0), fmt.Sprintf("SELECT count(*) FROM outbox WHERE topic = '%s' AND parked IS NULL", topic))
}

// TestOnARealBroker publishes a row that the broker refuses among others, which
// must all arrive, and events older than the topic keeps records, which must stay.
func TestOnARealBroker(t *testing.T) {
	kafka := kafkatest.Start(t, 1, events.UserTopic, events.ProductTopic)
	shards, r := shardtest.Start(t, 1)
	store := users.NewStore(r, users.StoreOptions{Events: true})
	client, err := kgo.NewClient(append(kafkaclient.Options(kafka, "relay", testLog()), relay.Producer()...)...)
	require.NoError(t, err)
	defer client.Close()
	limit, hour := "16384", fmt.Sprint(time.Hour.Milliseconds())
	_, err = kadm.NewClient(client).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{
		{Name: "max.message.bytes", Value: &limit}, {Name: "retention.ms", Value: &hour}}, events.UserTopic)
	require.NoError(t, err)
	const people = 50
	for user := range int64(people) {
		_, _, err := store.Put(t.Context(), user, users.Profile{Name: "Ada", Email: "ada@example.com"})
		require.NoError(t, err)
	}
	server := shards.Servers[0]
	poison := "encode(sha512(convert_to(n::text, 'UTF8')), 'hex')"
	server.Exec(pgtest.Database(0), "UPDATE outbox SET occurred_at = now() - interval '30 days'")
	server.Exec(pgtest.Database(0), `UPDATE outbox SET data = data || jsonb_build_object('name', (SELECT string_agg(`+poison+`, '') FROM generate_series(1, 400) AS n))
		WHERE user_id IN (7, 8, 31)`)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		relay.New(relay.Options{Map: r.Map, Connect: shardtest.As(shards, "relay").As("relay").ConnConfig, Kafka: client, Poll: time.Second, Batch: 20,
			Grace: 5 * time.Second, InboxRetention: time.Hour, Metrics: prometheus.NewRegistry(), Log: testLog()}).Run(ctx)
	}()
	count := func(where string) int {
		return server.Count(pgtest.Database(0), "SELECT count(*) FROM outbox WHERE parked IS "+where)
	}
	require.Eventually(t, func() bool { return count("NULL") == 0 }, time.Minute, 100*time.Millisecond)
	require.Equal(t, 3, count("NOT NULL"))
	require.Equal(t, 3, server.Count(pgtest.Database(0), "SELECT count(*) FROM outbox WHERE user_id IN (7, 8, 31) AND parked LIKE 'MESSAGE_TOO_LARGE%'"))

	// The broker looks for old records 30 s after its start, and then every second.
	time.Sleep(40 * time.Second)
	reader, err := kgo.NewClient(append(kafkaclient.Options(kafka, "reader", testLog()), kgo.ConsumeTopics(events.UserTopic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	require.NoError(t, err)
	defer reader.Close()
	seen := map[string]bool{}
	reading, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for len(seen) < people-3 && reading.Err() == nil {
		for _, record := range reader.PollFetches(reading).Records() {
			e, err := events.FromRecord(record)
			require.NoError(t, err)
			require.WithinDuration(t, time.Now().Add(-30*24*time.Hour), e.Time, time.Hour)
			require.WithinDuration(t, time.Now(), record.Timestamp, 10*time.Minute)
			seen[e.ID.String()] = true
		}
	}
	require.Len(t, seen, people-3, "old events are readable")
	stop()
	<-ended
}

// TestARelayThatIsIdleIsWoken shows both: it asks next to nothing, and it is there
// at once, through many sleeps.
func TestARelayThatIsIdleIsWoken(t *testing.T) {
	r := newRig(t, 1)
	r.poll = time.Minute
	stop := r.start()
	want := map[int64]int{}
	r.put(0)
	want[0]++
	r.drained()
	asked := func() int {
		return r.shards.Servers[0].Count(pgtest.Database(0), "SELECT xact_commit::int FROM pg_stat_database WHERE datname = current_database()")
	}
	slowest := time.Duration(0)
	for n := range 100 {
		// Also in the moments in which it is falling asleep.
		time.Sleep(time.Duration(n%20) * time.Millisecond)
		began := time.Now()
		r.put(int64(n % 5))
		want[int64(n%5)]++
		require.Eventually(t, func() bool { return r.waiting() == 0 }, patience, time.Millisecond, "a writer was not heard")
		slowest = max(slowest, time.Since(began))
	}
	t.Logf("slowest of 100: %s", slowest)
	require.Less(t, slowest, 5*time.Second, "it was not woken, but looked by itself")

	time.Sleep(2 * time.Second) // PostgreSQL counts with a delay
	before := asked()
	time.Sleep(3 * time.Second)
	require.Less(t, asked()-before, 60, "statements in 3 s, those of this test and of the server's own processes included")
	stop()
	r.published(want)
}
