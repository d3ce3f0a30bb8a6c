// Package relay publishes the outboxes of the shards to Kafka.
//
// Any number of relays may run; each shard has one at a time, the one whose session
// holds the shard's advisory lock. It reads and deletes only through that session, so a
// relay that loses the lock can no longer delete anything, and what it still had on its
// way to Kafka is at worst published twice.
//
// The guarantees, for the events of one user on one topic:
//   - None is lost: a row is deleted only after all in-sync replicas have it.
//   - Topics do not wait for each other, and an event that Kafka permanently refuses is
//     set aside.
//   - The events of a shard that was restored to a time before a move wait, see owners.
//   - Copies may arrive again, but the first copies are in order. A publisher starts at or
//     before the first event that is not known to be published and continues in order, and so
//     does a shard that takes over a moved bucket.
package relay

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalestack/scalestack/services/users/internal/kafkaclient"
	"github.com/scalestack/scalestack/services/users/internal/tracing"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Options configure a Relay; every field but Tracer is required.
type Options struct {
	// Map returns the map in use; it may change.
	Map func() *shardmap.Map
	// Connect returns the settings of a connection to a shard.
	Connect func(*shardmap.Shard) (*pgx.ConnConfig, error)
	// Kafka produces. It must not give up on a record; see Producer.
	Kafka *kgo.Client
	// Poll is how often an empty outbox is looked at without a reason: writers wake
	// the relay, but rows that a move brings come without a word.
	Poll time.Duration
	// Batch is the most events of a shard and topic that are published together.
	Batch int
	// Grace is how long a batch that was sent may take after the end was asked for.
	Grace time.Duration
	// InboxRetention is how long consumers remember an event, 0 for ever.
	InboxRetention time.Duration
	Metrics        prometheus.Registerer
	Log            *slog.Logger
	// Tracer follows events on their way to Kafka; nil follows none.
	Tracer *tracing.Tracer
}

// Producer returns what a client needs to publish without ever giving up or
// changing the order: no limit of retries, also for a topic that is not there
// yet, and no wait for company, since batches come as batches.
func Producer() []kgo.Opt {
	return []kgo.Opt{
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.UnknownTopicRetries(-1),
		kafkaclient.ProduceByName(),
		kgo.ProducerLinger(0),
		// The client's default of 10,000 would let a topic that is gone fill what all
		// topics and shards share. Each of them has one batch at most.
		kgo.MaxBufferedRecords(math.MaxInt32),
		// The partitioner of Kafka's own clients, so that others who produce with
		// the same key find the same partition.
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
	}
}

// Relay publishes for all shards of the map.
type Relay struct {
	options Options
	metrics *metrics
	// answered is set once a shard has let us in.
	answered atomic.Bool
	owners   owners
	began    time.Time
}

// Answers returns nil once any shard has taken a session.
func (r *Relay) Answers(context.Context) error {
	if !r.answered.Load() {
		return errors.New("no session yet")
	}
	return nil
}

// New returns a Relay.
func New(o Options) *Relay { return &Relay{options: o, metrics: newMetrics(o.Metrics)} }

// followEvery is short beside the minute that a new shard's ConfigMap takes.
const followEvery = time.Second

// Run publishes until the context ends.
func (r *Relay) Run(ctx context.Context) {
	r.began = time.Now()
	var all sync.WaitGroup
	defer all.Wait()
	running := map[shardmap.Shard]context.CancelFunc{}
	ticker := time.NewTicker(followEvery)
	defer ticker.Stop()
	for {
		m := r.options.Map()
		r.stopRemoved(m, running)
		for _, shard := range m.Shards {
			if running[shard] != nil {
				continue
			}
			ours, stop := context.WithCancel(ctx)
			running[shard] = stop
			all.Go(func() { newPublisher(r, m, shard).run(ours) })
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (r *Relay) stopRemoved(m *shardmap.Map, running map[shardmap.Shard]context.CancelFunc) {
	for shard, stop := range maps.Clone(running) {
		if current := m.Shard(shard.ID); current == nil || *current != shard {
			stop()
			delete(running, shard)
			r.metrics.forget(shard.Name)
		}
	}
}
