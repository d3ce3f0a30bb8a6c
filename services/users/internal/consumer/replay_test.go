package consumer_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalestack/scalestack/services/users/internal/consumer"
	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/stretchr/testify/require"
)

func TestReplay(t *testing.T) {
	r, l := newRig(t), &ledger{}
	failing := map[int64]bool{2: true, 3: true, 5: true}
	handle := func(ctx context.Context, e *events.Event) (consumer.Outcome, error) {
		if failing[e.UserID] {
			return "", &consumer.PermanentError{Reason: "refused", Err: errors.New("not now")}
		}
		return l.handle(ctx, e)
	}
	replay := func(limit int) consumer.Replayed {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		o := r.options(handle)
		o.RetryFor, o.Metrics = 100*time.Millisecond, prometheus.NewRegistry()
		replayed, err := consumer.Replay(ctx, o, limit)
		require.NoError(t, err)
		return replayed
	}
	require.Equal(t, consumer.Replayed{}, replay(0), "there are no dead letters")

	r.produce(6, 1)
	stop := r.start(r.options(handle))
	r.committed(6)
	stop()
	require.Len(t, r.kafka.Records(consumer.DeadLetters(group)), 3)

	delete(failing, 2)
	delete(failing, 3)
	require.Equal(t, consumer.Replayed{Succeeded: 2, Failed: 1}, replay(0))
	require.Len(t, l.all(), 5)
	letters := r.kafka.Records(consumer.DeadLetters(group))
	require.Len(t, letters, 4)
	var again int
	for _, letter := range letters {
		if events.Header(letter, consumer.HeaderAttempts) == "2" {
			again++
			require.Equal(t, events.UserTopic, events.Header(letter, consumer.HeaderTopic), "where it first lay")
			require.Equal(t, "5", string(letter.Key))
		}
	}
	require.Equal(t, 1, again)

	clear(failing)
	require.Equal(t, consumer.Replayed{Succeeded: 1}, replay(0))
	require.Equal(t, consumer.Replayed{}, replay(0))
	require.Len(t, l.all(), 6)
}

func TestReplayALimitedNumber(t *testing.T) {
	r, l := newRig(t), &ledger{}
	fail := true
	handle := func(ctx context.Context, e *events.Event) (consumer.Outcome, error) {
		if fail {
			return "", &consumer.PermanentError{Reason: "refused", Err: errors.New("not now")}
		}
		return l.handle(ctx, e)
	}
	r.produce(10, 1)
	stop := r.start(r.options(handle))
	r.committed(10)
	stop()
	fail = false
	for _, want := range []int{4, 4, 2, 0} {
		o := r.options(handle)
		replayed, err := consumer.Replay(t.Context(), o, 4)
		require.NoError(t, err)
		require.Equal(t, consumer.Replayed{Succeeded: want}, replayed)
	}
	for _, seen := range l.all() {
		require.Equal(t, []int64{1}, seen)
	}
}
