package relay_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/kafkafake"
	"github.com/scalestack/scalestack/services/users/internal/kafkatest"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestAnEventThatIsTooLargeParksNoOther has a shard with events that Kafka refuses, and
// one whose events meet them on the way: the client puts what goes to one partition
// into one batch, which Kafka takes or refuses as a whole.
func TestAnEventThatIsTooLargeParksNoOther(t *testing.T) {
	r := newRig(t, 2)
	limit := "16384"
	_, err := kadm.NewClient(r.kafka.Client()).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "max.message.bytes", Value: &limit}}, events.UserTopic)
	require.NoError(t, err)
	// As far away as a broker is.
	r.kafka.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		r.kafka.KeepControl()
		time.Sleep(2 * time.Millisecond)
		return nil, nil, false
	})
	const people, large = 200, 20
	for user := range int64(people) {
		r.put(user)
	}
	r.shards.Servers[0].Exec(pgtest.Database(0), `UPDATE outbox SET data = data || jsonb_build_object('name',
		(SELECT string_agg(encode(sha512(convert_to(n::text || user_id, 'UTF8')), 'hex'), '') FROM generate_series(1, 400) AS n))
		WHERE user_id IN (SELECT user_id FROM outbox ORDER BY user_id LIMIT 20)`)
	parked := func(id int) int {
		return r.shards.Servers[id].Count(pgtest.Database(id), "SELECT count(*) FROM outbox WHERE parked IS NOT NULL")
	}
	r.start()
	for user := int64(people); parked(0) < large; user++ {
		r.put(user)
	}
	require.Eventually(t, func() bool { return r.waiting() == parked(0)+parked(1) }, time.Minute, 20*time.Millisecond)
	require.Equal(t, large, parked(0))
	require.Zero(t, parked(1), "Kafka would have taken them")
}

// TestAClockThatIsWrongParksNothing has a broker that refuses the time of publishing, which
// the relay's machine says, until that is right again.
func TestAClockThatIsWrongParksNothing(t *testing.T) {
	r := newRig(t, 1)
	var refused atomic.Int32
	r.kafka.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		r.kafka.KeepControl()
		if refused.Add(1) > 3 {
			return nil, nil, false
		}
		return kafkatest.Refuse(request, kerr.InvalidTimestamp), nil, true
	})
	r.put(1)
	r.start()
	r.drained()
	r.published(map[int64]int{1: 1})
}

// TestAPartitionThatIsAwayHoldsUpNoOther has a partition with too few replicas, as when two
// of the three brokers that have it are away, in front of which more rows wait than go into a batch.
func TestAPartitionThatIsAwayHoldsUpNoOther(t *testing.T) {
	r := newRig(t, 1)
	r.batch = 5
	node, _, err := r.kafka.AddNode(-1, 0)
	require.NoError(t, err)
	for partition := range int32(kafkafake.Partitions) {
		leader := int32(0)
		if partition == 0 {
			leader = node
		}
		require.NoError(t, r.kafka.MoveTopicPartition(events.UserTopic, partition, leader))
	}
	var away atomic.Bool
	away.Store(true)
	r.kafka.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		r.kafka.KeepControl()
		if !away.Load() || r.kafka.CurrentNode() != node {
			return nil, nil, false
		}
		response := request.ResponseKind().(*kmsg.ProduceResponse)
		topic := request.(*kmsg.ProduceRequest).Topics[0]
		response.Topics = []kmsg.ProduceResponseTopic{{Topic: topic.Topic, TopicID: topic.TopicID,
			Partitions: []kmsg.ProduceResponseTopicPartition{{ErrorCode: kerr.NotEnoughReplicas.Code}}}}
		return response, nil, true
	})
	of := kgo.StickyKeyPartitioner(nil).ForTopic(events.UserTopic)
	stuck, want := 0, map[int64]int{}
	for user := range int64(32) {
		want[user] = 2
		r.put(user)
		r.put(user)
		if of.Partition(&kgo.Record{Key: events.Key(user)}, kafkafake.Partitions) == 0 {
			stuck += 2
		}
	}
	require.Greater(t, stuck, r.batch)
	r.start()
	require.Eventually(t, func() bool { return r.waiting() == stuck }, time.Minute, 20*time.Millisecond)
	away.Store(false)
	r.drained()
	r.published(want)
}
