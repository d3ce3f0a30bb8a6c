package consumer_test

import (
	"context"
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

// TestATopicThatIsMadeAnew deletes a topic under a member and makes it again.
func TestATopicThatIsMadeAnew(t *testing.T) {
	kafka := kafkatest.Start(t, 1, events.UserTopic, consumer.DeadLetters(group))
	options := kafkaclient.Options(kafka, "test", testLog())
	admin := func(do func(*kadm.Client, *kgo.Client)) {
		client, err := kgo.NewClient(options...)
		require.NoError(t, err)
		defer client.Close()
		do(kadm.NewClient(client), client)
	}
	l := &ledger{}
	member, err := consumer.New(consumer.Options{Kafka: options, Group: group, Topics: []string{events.UserTopic}, Concurrency: 8,
		RetryFor: time.Minute, Grace: 10 * time.Second, Metrics: prometheus.NewRegistry(), Log: testLog(), Handler: l.handle})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); member.Run(ctx) }()
	defer func() { stop(); <-ended }()
	seen := func(n int) {
		t.Helper()
		require.Eventually(t, func() bool { return len(l.all()[1]) == n }, time.Minute, 20*time.Millisecond, "seen: %v", l.all())
	}
	admin(func(_ *kadm.Client, client *kgo.Client) {
		for n := range int64(3) {
			require.NoError(t, client.ProduceSync(t.Context(), event(1, n+1).Record(events.UserTopic)).FirstErr())
		}
	})
	seen(3)
	admin(func(topics *kadm.Client, _ *kgo.Client) {
		_, err := topics.DeleteTopics(t.Context(), events.UserTopic)
		require.NoError(t, err)
		time.Sleep(3 * time.Second)
		made, err := topics.CreateTopics(t.Context(), 1, 1, nil, events.UserTopic)
		require.NoError(t, err)
		require.NoError(t, made.Error())
	})
	admin(func(_ *kadm.Client, client *kgo.Client) {
		require.NoError(t, client.ProduceSync(t.Context(), event(1, 4).Record(events.UserTopic)).FirstErr())
	})
	seen(4)
}
