package consumer_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/consumer"
	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/kafkatest"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A topic with a low limit takes each of some letters, and not all of them in one batch.
func TestLettersThatFitKeepTheirContent(t *testing.T) {
	r := newRig(t)
	limit := "100000"
	_, err := kadm.NewClient(r.kafka.Client()).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "max.message.bytes", Value: &limit}}, consumer.DeadLetters(group))
	require.NoError(t, err)
	r.kafka.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		r.kafka.KeepControl()
		time.Sleep(5 * time.Millisecond)
		return nil, nil, false
	})
	const people = 40
	for user := range int64(people) {
		random := make([]byte, 30_000) // which no compression makes small
		_, _ = rand.Read(random)
		e := event(user, 1)
		e.Data = fmt.Appendf(nil, `{"user_id": %d, "version": 1, "name": "%x", "email": "a@example.com"}`, user, random)
		r.kafka.Produce(e.Record(events.UserTopic))
	}
	r.start(r.options(func(context.Context, *events.Event) (consumer.Outcome, error) {
		return "", &consumer.PermanentError{Reason: "refused", Err: errors.New("no such mailbox")}
	}))
	r.committed(people)
	var empty []*kgo.Record
	for _, letter := range r.kafka.Records(consumer.DeadLetters(group)) {
		if len(letter.Value) == 0 {
			empty = append(empty, letter)
		}
	}
	require.Empty(t, empty)
}

// What is done and cannot be noted is no dead letter, whose replay would do it again.
func TestWhatIsDoneIsNoDeadLetter(t *testing.T) {
	r := newRig(t)
	r.produce(1, 1)
	o := r.options(func(context.Context, *events.Event) (consumer.Outcome, error) {
		return "", &consumer.DoneError{Err: errors.New("the shard is down")}
	})
	o.RetryFor = 500 * time.Millisecond
	r.start(o)
	r.committed(1)
	require.Empty(t, r.kafka.Records(consumer.DeadLetters(group)))
}

// A broker that refuses a letter once gets it again.
func TestALetterThatIsRefusedOnce(t *testing.T) {
	r := newRig(t)
	r.kafka.Produce(event(1, 1).Record(events.UserTopic))
	var refused atomic.Bool
	r.kafka.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		r.kafka.KeepControl()
		if refused.Swap(true) {
			return nil, nil, false
		}
		return kafkatest.Refuse(request, kerr.TopicAuthorizationFailed), nil, true
	})
	r.start(r.options(func(context.Context, *events.Event) (consumer.Outcome, error) {
		return "", &consumer.PermanentError{Reason: "refused", Err: errors.New("no such mailbox")}
	}))
	r.committed(1)
	require.Len(t, r.kafka.Records(consumer.DeadLetters(group)), 1)
}
