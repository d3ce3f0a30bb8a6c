// Package kafkafake runs a Kafka inside the test's process: kfake, from the authors of
// the client. It speaks the real protocol and can be made to misbehave.
package kafkafake

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Partitions of every topic.
const Partitions = 4

// Kafka is a running fake.
type Kafka struct {
	*kfake.Cluster
	t *testing.T
}

// Start runs a fake with topics until the test ends.
func Start(t *testing.T, topics ...string) *Kafka {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(Partitions, topics...))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	return &Kafka{cluster, t}
}

// Options connect to the fake, with short pauses.
func (k *Kafka) Options() []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(k.ListenAddrs()...),
		kgo.MetadataMinAge(10 * time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond }),
	}
}

// Client returns a client that is closed with the test.
func (k *Kafka) Client(more ...kgo.Opt) *kgo.Client {
	k.t.Helper()
	client, err := kgo.NewClient(append(k.Options(), more...)...)
	require.NoError(k.t, err)
	k.t.Cleanup(client.Close)
	return client
}

// Produce puts records into the fake.
func (k *Kafka) Produce(records ...*kgo.Record) {
	k.t.Helper()
	require.NoError(k.t, k.Client().ProduceSync(context.Background(), records...).FirstErr())
}

// Records returns everything that is in a topic now.
func (k *Kafka) Records(topic string) (all []*kgo.Record) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ends, err := kadm.NewClient(k.Client()).ListEndOffsets(ctx, topic)
	require.NoError(k.t, err)
	missing := int64(0)
	ends.Each(func(o kadm.ListedOffset) { missing += o.Offset })
	reader := k.Client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for int64(len(all)) < missing {
		fetches := reader.PollFetches(ctx)
		require.NoError(k.t, fetches.Err())
		all = append(all, fetches.Records()...)
	}
	return all
}

// Committed returns how many records of a topic a group has behind it.
func (k *Kafka) Committed(group, topic string) (sum int64) {
	k.t.Helper()
	offsets, err := kadm.NewClient(k.Client()).FetchOffsets(context.Background(), group)
	if err != nil {
		return 0
	}
	offsets.Each(func(o kadm.OffsetResponse) {
		if o.Topic == topic && o.At > 0 {
			sum += o.At
		}
	})
	return sum
}
