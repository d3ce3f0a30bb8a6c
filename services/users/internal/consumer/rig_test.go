package consumer_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalestack/scalestack/services/users/internal/consumer"
	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/kafkafake"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	group    = "work"
	patience = 20 * time.Second
)

func testLog() *slog.Logger {
	if testing.Verbose() {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.DiscardHandler)
}

// rig is a Kafka with the topics of one group.
type rig struct {
	*testing.T
	kafka *kafkafake.Kafka
}

func newRig(t *testing.T) *rig {
	return &rig{t, kafkafake.Start(t, events.UserTopic, consumer.DeadLetters(group))}
}

func (r *rig) options(handle consumer.Handler) consumer.Options {
	return consumer.Options{Kafka: r.kafka.Options(), Group: group, Topics: []string{events.UserTopic}, Concurrency: 8,
		RetryFor: time.Minute, Grace: 10 * time.Second, Handler: handle, Metrics: prometheus.NewRegistry(), Log: testLog()}
}

// start runs a member; the result ends it and waits for its end.
func (r *rig) start(o consumer.Options) (stop func()) {
	r.Helper()
	member, err := consumer.New(o)
	require.NoError(r, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { member.Run(ctx) })
	stop = func() { cancel(); running.Wait() }
	r.Cleanup(stop)
	return stop
}

// event is the n-th event of a user.
func event(user, n int64) *events.Event {
	return &events.Event{ID: uuid.New(), Type: events.UserUpdated, Source: "/test", UserID: user, Sequence: n, Time: time.Now(), Schema: events.UserSchema,
		Data: fmt.Appendf(nil, `{"user_id": %d, "version": %d, "name": "Ada", "email": "a@example.com"}`, user, n)}
}

func (r *rig) produce(users, each int64) {
	r.Helper()
	var records []*kgo.Record
	for n := range each {
		for user := range users {
			records = append(records, event(user, n+1).Record(events.UserTopic))
		}
	}
	r.kafka.Produce(records...)
}

func (r *rig) committed(n int64) {
	r.Helper()
	require.Eventually(r, func() bool { return r.kafka.Committed(group, events.UserTopic) == n }, patience, 20*time.Millisecond,
		"committed %d", r.kafka.Committed(group, events.UserTopic))
}

// ledger remembers what handlers saw.
type ledger struct {
	mu   sync.Mutex
	seen map[int64][]int64
}

func (l *ledger) add(e *events.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen == nil {
		l.seen = map[int64][]int64{}
	}
	l.seen[e.UserID] = append(l.seen[e.UserID], e.Sequence)
}

func (l *ledger) all() map[int64][]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.seen)
}

func (l *ledger) handle(_ context.Context, e *events.Event) (consumer.Outcome, error) {
	l.add(e)
	return consumer.Done, nil
}

func upTo(n int64) (list []int64) {
	for i := range n {
		list = append(list, i+1)
	}
	return list
}
