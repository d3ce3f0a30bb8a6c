package consumer_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalestack/scalestack/services/users/internal/consumer"
	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/kafkaclient"
	"github.com/scalestack/scalestack/services/users/internal/kafkatest"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A group without offsets in a topic whose events are all gone, after a quiet week, has them again although it found
// nothing to do: whoever asks for its lag without them counts every event that there ever was.
func TestAGroupThatFindsNothingHasOffsets(t *testing.T) {
	kafka := kafkatest.Start(t, 2, events.UserTopic, consumer.DeadLetters(group))
	options := kafkaclient.Options(kafka, "test", testLog())
	client, err := kgo.NewClient(options...)
	require.NoError(t, err)
	defer client.Close()
	admin := kadm.NewClient(client)
	for n := range int64(20) {
		require.NoError(t, client.ProduceSync(t.Context(), event(n, 1).Record(events.UserTopic)).FirstErr())
	}
	ends, err := admin.ListEndOffsets(t.Context(), events.UserTopic)
	require.NoError(t, err)
	_, err = admin.DeleteRecords(t.Context(), ends.Offsets())
	require.NoError(t, err)

	l := &ledger{}
	r := &rig{T: t}
	r.start(consumer.Options{Kafka: options, Group: group, Topics: []string{events.UserTopic}, Concurrency: 8,
		RetryFor: time.Minute, Grace: 10 * time.Second, Metrics: prometheus.NewRegistry(), Log: testLog(), Handler: l.handle})
	committed := func() (at int64) {
		offsets, err := admin.FetchOffsets(t.Context(), group)
		if err == nil {
			offsets.Each(func(o kadm.OffsetResponse) { at += o.At })
		}
		return at
	}
	require.Eventually(t, func() bool { return committed() == 20 }, time.Minute, 100*time.Millisecond)
	require.NoError(t, client.ProduceSync(t.Context(), event(1, 2).Record(events.UserTopic)).FirstErr())
	require.Eventually(t, func() bool { return committed() == 21 }, patience, 100*time.Millisecond)
	require.Len(t, l.all(), 1)
}
