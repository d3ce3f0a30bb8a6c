package consumer_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalestack/scalestack/services/users/internal/consumer"
	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/kafkaclient"
	"github.com/scalestack/scalestack/services/users/internal/kafkatest"
	"github.com/scalestack/scalestack/services/users/internal/tracing"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestEveryDeadLetterFits gives a group on a real broker records near the broker's
// limit, of which no copy with a reason would fit, and then a topic of dead letters
// that takes next to nothing. The partition goes on in any case.
func TestEveryDeadLetterFits(t *testing.T) {
	kafka := kafkatest.Start(t, 1, events.UserTopic, consumer.DeadLetters(group))
	options := kafkaclient.Options(kafka, "test", testLog())
	client, err := kgo.NewClient(append(options, kgo.ConsumeTopics(consumer.DeadLetters(group)), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	require.NoError(t, err)
	defer client.Close()

	big := func(n int) []byte { return bytes.Repeat([]byte("k"), n) }
	withHeaders := event(1, 1).Record(events.UserTopic)
	for i := range 9 {
		withHeaders.Headers = append(withHeaders.Headers, kgo.RecordHeader{Key: fmt.Sprint("trace-", i), Value: big(100_000)})
	}
	withHeaders.Headers = append(withHeaders.Headers, kgo.RecordHeader{Key: "small", Value: []byte("kept")})
	longType := event(1, 2).Record(events.UserTopic)
	longType.Headers[4].Value = big(900_000)
	records := []*kgo.Record{
		{Topic: events.UserTopic, Key: big(999_900)},
		{Topic: events.UserTopic, Key: big(500_000), Value: big(490_000)},
		{Topic: events.UserTopic, Value: big(999_900)},
		withHeaders, longType,
		{Topic: events.UserTopic, Key: []byte("1"), Headers: []kgo.RecordHeader{{Key: string(big(999_800))}}},
	}
	for _, record := range records {
		require.NoError(t, client.ProduceSync(t.Context(), record).FirstErr())
	}
	member, err := consumer.New(consumer.Options{Kafka: options, Group: group, Topics: []string{events.UserTopic}, Concurrency: 8,
		RetryFor: time.Minute, Grace: 10 * time.Second, Metrics: prometheus.NewRegistry(), Log: testLog(),
		Handler: func(context.Context, *events.Event) (consumer.Outcome, error) {
			return "", &consumer.PermanentError{Reason: "refused", Err: errors.New(string(big(2_000_000)))}
		}})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); member.Run(ctx) }()
	defer func() { stop(); <-ended }()

	letters := map[string]*kgo.Record{}
	read := func(n int) {
		t.Helper()
		waiting, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		for len(letters) < n {
			fetched := client.PollFetches(waiting)
			require.NoError(t, fetched.Err())
			for _, letter := range fetched.Records() {
				letters[events.Header(letter, consumer.HeaderOffset)] = letter
			}
		}
	}
	read(len(records))
	require.Len(t, letters["0"].Key, 64, "a hash")
	require.Equal(t, "999900", events.Header(letters["0"], consumer.HeaderKeyOmitted))
	require.Equal(t, "500000", events.Header(letters["1"], consumer.HeaderKeyOmitted))
	require.Equal(t, "490000", events.Header(letters["1"], consumer.HeaderOmitted))
	require.Equal(t, "999900", events.Header(letters["2"], consumer.HeaderOmitted))
	require.Equal(t, "9", events.Header(letters["3"], consumer.HeaderHeadersOmitted))
	require.Equal(t, "kept", events.Header(letters["3"], "small"))
	require.Equal(t, "refused", events.Header(letters["3"], consumer.HeaderReason))
	require.Equal(t, withHeaders.Value, letters["3"].Value)
	require.Equal(t, "unknown-type", events.Header(letters["4"], consumer.HeaderReason))
	require.Equal(t, "1", events.Header(letters["5"], consumer.HeaderHeadersOmitted))

	t.Run("in a topic that takes next to nothing", func(t *testing.T) {
		limit := "8192"
		_, err := kadm.NewClient(client).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "max.message.bytes", Value: &limit}}, consumer.DeadLetters(group))
		require.NoError(t, err)
		random := make([]byte, 30_000) // which no compression makes small
		_, _ = rand.Read(random)
		event := event(1, 3)
		event.Data = fmt.Appendf(nil, `{"user_id": 1, "version": 3, "name": "%x", "email": "a@example.com"}`, random)
		record := event.Record(events.UserTopic)
		tracing.SetParent(record, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		require.NoError(t, client.ProduceSync(t.Context(), record).FirstErr())
		read(len(records) + 1)
		require.Equal(t, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", events.Header(letters["6"], tracing.Header))
		require.Equal(t, fmt.Sprint(len(event.Data)), events.Header(letters["6"], consumer.HeaderOmitted))
		require.Empty(t, letters["6"].Value)
	})
}
