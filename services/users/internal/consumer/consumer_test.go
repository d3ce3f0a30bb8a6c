package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/scalestack/scalestack/services/users/internal/consumer"
	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/kafkafake"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestEveryEventOnceAndInOrder(t *testing.T) {
	r, l := newRig(t), &ledger{}
	r.produce(20, 50)
	r.start(r.options(l.handle))
	r.committed(1000)
	for user, seen := range l.all() {
		require.Equal(t, upTo(50), seen, "user %d", user)
	}
	require.Len(t, l.all(), 20)
}

func TestPoisonGoesToTheDeadLetters(t *testing.T) {
	r, l := newRig(t), &ledger{}
	good := event(1, 1).Record(events.UserTopic)
	unknown := event(1, 2)
	unknown.Type = "UserPraised"
	future := event(1, 3)
	future.Schema = "user/v2"
	broken := event(1, 4)
	broken.Data = []byte("{")
	long := event(1, 5)
	long.Data = []byte(`{"user_id": 1, "name": "` + strings.Repeat("a", events.MaxBytes) + `"}`)
	r.kafka.Produce(good, unknown.Record(events.UserTopic), future.Record(events.UserTopic), broken.Record(events.UserTopic),
		long.Record(events.UserTopic), event(1, 6).Record(events.UserTopic), event(1, 7).Record(events.UserTopic), event(1, 8).Record(events.UserTopic))
	o := r.options(func(ctx context.Context, e *events.Event) (consumer.Outcome, error) {
		switch e.Sequence {
		case 6:
			return "", &consumer.PermanentError{Reason: "refused", Err: errors.New("no such mailbox")}
		case 7:
			panic("a bug")
		}
		return l.handle(ctx, e)
	})
	r.start(o)
	r.committed(8)
	require.Equal(t, map[int64][]int64{1: {1, 8}}, l.all(), "the partition goes on")

	letters := r.kafka.Records(consumer.DeadLetters(group))
	reasons := map[string]*kgo.Record{}
	for _, letter := range letters {
		reasons[events.Header(letter, consumer.HeaderReason)] = letter
		require.Equal(t, "work", events.Header(letter, consumer.HeaderGroup))
		require.Equal(t, events.UserTopic, events.Header(letter, consumer.HeaderTopic))
		require.Equal(t, fmt.Sprint(good.Partition), events.Header(letter, consumer.HeaderPartition))
		require.Equal(t, "1", events.Header(letter, consumer.HeaderAttempts))
		require.NotEmpty(t, events.Header(letter, consumer.HeaderTime))
	}
	require.Equal(t, []string{"malformed", "oversized", "panic", "refused", "unknown-schema", "unknown-type"}, slices.Sorted(maps.Keys(reasons)))
	require.Equal(t, `unknown-type: "UserPraised"`, events.Header(reasons["unknown-type"], consumer.HeaderDetail))
	require.Equal(t, "1", events.Header(reasons["unknown-type"], consumer.HeaderOffset))
	require.Equal(t, string(unknown.Data), string(reasons["unknown-type"].Value))
	require.Equal(t, unknown.ID.String(), events.Header(reasons["unknown-type"], "ce_id"))
	require.Equal(t, "no such mailbox", events.Header(reasons["refused"], consumer.HeaderDetail))
	require.Contains(t, events.Header(reasons["panic"], consumer.HeaderDetail), "a bug")
	require.Equal(t, fmt.Sprint(len(long.Data)), events.Header(reasons["oversized"], consumer.HeaderOmitted))
	require.Empty(t, reasons["oversized"].Value)
}

func TestAFailureHoldsUpNobodyElse(t *testing.T) {
	r, l := newRig(t), &ledger{}
	var down atomic.Bool
	down.Store(true)
	r.produce(8, 20)
	r.start(r.options(func(ctx context.Context, e *events.Event) (consumer.Outcome, error) {
		if e.UserID == 3 && down.Load() {
			return "", errors.New("shard is down")
		}
		return l.handle(ctx, e)
	}))
	others := func() int {
		n := 0
		for user, seen := range l.all() {
			require.NotEqual(t, int64(3), user)
			n += len(seen)
		}
		return n
	}
	require.Eventually(t, func() bool { return others() == 7*20 }, patience, 10*time.Millisecond)
	require.Less(t, r.kafka.Committed(group, events.UserTopic), int64(160))
	down.Store(false)
	r.committed(160)
	require.Equal(t, upTo(20), l.all()[3])
	require.Empty(t, r.kafka.Records(consumer.DeadLetters(group)))
}

func TestGivenUpAfterAWhile(t *testing.T) {
	r := newRig(t)
	r.kafka.Produce(event(1, 1).Record(events.UserTopic))
	o := r.options(func(context.Context, *events.Event) (consumer.Outcome, error) { return "", errors.New("never") })
	o.RetryFor = 300 * time.Millisecond
	r.start(o)
	r.committed(1)
	letters := r.kafka.Records(consumer.DeadLetters(group))
	require.Len(t, letters, 1)
	require.Equal(t, "retries-exhausted", events.Header(letters[0], consumer.HeaderReason))
	require.NotEqual(t, "1", events.Header(letters[0], consumer.HeaderAttempts))
}

// Members come and go while events flow. All leave properly, so nothing comes twice.
func TestRebalancesLoseAndRepeatNothing(t *testing.T) {
	r, l := newRig(t), &ledger{}
	slow := func(ctx context.Context, e *events.Event) (consumer.Outcome, error) {
		select {
		case <-ctx.Done():
		case <-time.After(2 * time.Millisecond):
		}
		return l.handle(ctx, e)
	}
	member := func() func() { o := r.options(slow); o.Metrics = prometheus.NewRegistry(); return r.start(o) }
	first := member()
	r.produce(30, 20)
	second := member()
	require.Eventually(t, func() bool { return len(l.all()) == 30 }, patience, time.Millisecond)
	r.produce(30, 0)
	first()
	third := member()
	for n := int64(20); n < 40; n++ {
		var records []*kgo.Record
		for user := range int64(30) {
			records = append(records, event(user, n+1).Record(events.UserTopic))
		}
		r.kafka.Produce(records...)
		if n == 30 {
			second()
		}
	}
	r.committed(30 * 40)
	third()
	for user, seen := range l.all() {
		require.Equal(t, upTo(40), seen, "user %d", user)
	}
}

func TestTheEndWaitsForWhatHasBegun(t *testing.T) {
	r := newRig(t)
	began, finish := make(chan struct{}), make(chan struct{})
	var ended atomic.Bool
	r.kafka.Produce(event(1, 1).Record(events.UserTopic), event(1, 2).Record(events.UserTopic))
	stop := r.start(r.options(func(ctx context.Context, e *events.Event) (consumer.Outcome, error) {
		close(began)
		<-finish
		ended.Store(true)
		return consumer.Done, ctx.Err()
	}))
	<-began
	time.AfterFunc(50*time.Millisecond, func() { close(finish) })
	stop()
	require.True(t, ended.Load())
	require.EqualValues(t, 1, r.kafka.Committed(group, events.UserTopic), "the second was not begun")
}

func TestMetrics(t *testing.T) {
	r, l := newRig(t), &ledger{}
	r.produce(2, 3)
	o := r.options(l.handle)
	registry := prometheus.NewRegistry()
	o.Metrics = registry
	r.start(o)
	r.committed(6)
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
		# HELP scalestack_consumer_events_total Events by outcome: done, duplicate, skipped.
		# TYPE scalestack_consumer_events_total counter
		scalestack_consumer_events_total{outcome="done",type="UserUpdated"} 6
	`), "scalestack_consumer_events_total"))
	require.Eventually(t, func() bool {
		n, err := testutil.GatherAndCount(registry, "scalestack_consumer_lag")
		return err == nil && n == kafkafake.Partitions
	}, patience, 50*time.Millisecond)
}
