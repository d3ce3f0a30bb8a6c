// Package consumer runs a consumer group over events.
//
// Each partition has its own worker, so a partition that waits holds up no other.
// Within a partition, different users are processed concurrently and the events of one
// user in order. Offsets are committed after the work, so an event may arrive again:
// handlers must remember what they have done.
//
// A failed event is retried with growing pauses. An event that no retry helps, or that
// was retried for too long, goes to the group's dead-letter topic with the reason, and
// the partition continues.
package consumer

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/kafkaclient"
	"github.com/scalestack/scalestack/services/users/internal/tracing"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Outcome of an event that was not a failure.
type Outcome string

const (
	// Done: the event had its effect.
	Done Outcome = "done"
	// Duplicate: the event had its effect before.
	Duplicate Outcome = "duplicate"
	// Skipped: the event has no effect here.
	Skipped Outcome = "skipped"
)

// Handler does a group's work. It may be called again with an event that it has
// seen, at any time, and at the same time by another process.
type Handler func(ctx context.Context, e *events.Event) (Outcome, error)

// PermanentError says that trying again will not help.
type PermanentError struct {
	// Reason is one word.
	Reason string
	Err    error
}

func (e *PermanentError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *PermanentError) Unwrap() error { return e.Err }

// DoneError says that the work is done, and only the note of that is missing. The event
// is tried again, and never becomes a dead letter: a replay would do the work twice.
type DoneError struct{ Err error }

func (e *DoneError) Error() string { return "done, but not noted: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *DoneError) Unwrap() error { return e.Err }

// AttemptTimeout bounds one call of a handler.
const AttemptTimeout = 15 * time.Second

// Options configure a Group; every field but Tracer is required.
type Options struct {
	// Kafka connects.
	Kafka []kgo.Opt
	// Group is the group's id.
	Group  string
	Topics []string
	// Concurrency is how many users are worked on at once.
	Concurrency int
	// RetryFor is how long an event is tried.
	RetryFor time.Duration
	// Grace is how long work that has begun may take after the end was asked for.
	Grace   time.Duration
	Handler Handler
	Metrics prometheus.Registerer
	Log     *slog.Logger
	// Tracer follows the attempts in the traces of their events; nil follows none.
	Tracer *tracing.Tracer
}

// DeadLetters is the topic of what a group could not process.
func DeadLetters(group string) string { return group + "_dlq" }

// Group is a member of a consumer group.
type Group struct {
	options Options
	metrics *metrics
	client  *kgo.Client
	// slots are for calls of the handler, over all partitions.
	slots chan struct{}
	// letters is held by those that write dead letters.
	letters sync.RWMutex

	mu      sync.Mutex
	workers map[partition]*worker
	// deleted are partitions of topics that were deleted while they were ours.
	deleted map[partition]bool
}

// partition is one of a topic.
type partition struct {
	topic string
	id    int32
}

const (
	// fetchRecords bounds what is taken from the client at once.
	fetchRecords = 500
	// sessionTimeout is how long a member may be silent until others take over.
	sessionTimeout = 20 * time.Second
	// rebalanceTimeout must outlast a call of the handler, which ends first.
	rebalanceTimeout = time.Minute
	commitEvery      = time.Second
)

// New returns a member that has not joined yet.
func New(o Options) (*Group, error) {
	g := &Group{options: o, metrics: newMetrics(o.Metrics), slots: make(chan struct{}, o.Concurrency), workers: map[partition]*worker{}, deleted: map[partition]bool{}}
	var err error
	g.client, err = kgo.NewClient(append(append([]kgo.Opt(nil), o.Kafka...),
		kgo.ConsumerGroup(o.Group),
		kgo.ConsumeTopics(o.Topics...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.AdjustFetchOffsetsFn(g.begin),
		// A rollout moves only the partitions that have to move.
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.SessionTimeout(sessionTimeout),
		kgo.RebalanceTimeout(rebalanceTimeout),
		kgo.BlockRebalanceOnPoll(),
		kgo.AutoCommitMarks(),
		kgo.AutoCommitInterval(commitEvery),
		kgo.OnPartitionsAssigned(g.assigned),
		kgo.OnPartitionsRevoked(g.revoked),
		kgo.OnPartitionsLost(g.lost),
		kgo.UnknownTopicRetries(-1),
		kafkaclient.ProduceByName(),
		kgo.ProducerLinger(0),
	)...)
	return g, err
}

// Client is for questions about the cluster.
func (g *Group) Client() *kgo.Client { return g.client }

// Run works until the context ends; then it finishes what has begun, commits
// and leaves, so that others take over at once.
func (g *Group) Run(ctx context.Context) {
	var lag sync.WaitGroup
	lag.Go(func() { g.watchLag(ctx) })
	for ctx.Err() == nil {
		g.poll(ctx)
	}
	g.end()
	lag.Wait()
}

func (g *Group) poll(ctx context.Context) {
	deleted := map[string]bool{}
	defer func() {
		for topic := range deleted {
			g.forget(topic)
		}
	}()
	fetches := g.client.PollRecords(ctx, fetchRecords)
	defer g.client.AllowRebalance()
	fetches.EachError(func(topic string, partition int32, err error) {
		if errors.Is(err, kerr.UnknownTopicID) {
			deleted[topic] = true
			return
		}
		if ctx.Err() == nil && !errors.Is(err, context.Canceled) {
			g.options.Log.Warn("fetching", "topic", topic, "partition", partition, "error", err.Error())
		}
	})
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if len(p.Records) > 0 {
			g.worker(partition{p.Topic, p.Partition}).add(p.Records)
		}
	})
}

// forget ends the work on a topic that was deleted, and begins with the next one of that name.
// The client would ask for the former one for ever.
func (g *Group) forget(topic string) {
	g.options.Log.Error("the topic was deleted; waiting for a new one", "topic", topic)
	partitions := g.held()[topic]
	for _, id := range partitions {
		g.worker(partition{topic, id}).deleted.Store(true)
	}
	g.stop(map[string][]int32{topic: partitions})
	g.mu.Lock()
	for _, id := range partitions {
		g.deleted[partition{topic, id}] = true
	}
	g.mu.Unlock()
	g.client.PurgeTopicsFromClient(topic)
	g.client.AddConsumeTopics(topic)
}

// begin lets the work on a new topic begin at its start. What was committed since the former
// one was deleted is a place in that.
func (g *Group) begin(_ context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for topic, partitions := range offsets {
		for id := range partitions {
			if at := (partition{topic, id}); g.deleted[at] {
				partitions[id] = kgo.NewOffset().AtStart()
				delete(g.deleted, at)
			}
		}
	}
	return offsets, nil
}

func (g *Group) worker(p partition) *worker {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.workers[p] == nil {
		g.workers[p] = startWorker(g, p)
	}
	return g.workers[p]
}

func (g *Group) assigned(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	g.options.Log.Info("assigned", "partitions", partitions)
	for topic, ids := range partitions {
		for _, id := range ids {
			g.worker(partition{topic, id})
		}
	}
}

// revoked lets others have partitions once our work on them has ended and is
// committed: they begin where we stopped.
func (g *Group) revoked(ctx context.Context, client *kgo.Client, partitions map[string][]int32) {
	if len(partitions) == 0 {
		return
	}
	g.options.Log.Info("revoked", "partitions", partitions)
	g.stop(partitions)
	if err := client.CommitMarkedOffsets(ctx); err != nil {
		g.options.Log.Warn("some events will come again", "error", err.Error())
	}
}

// lost partitions belong to others already.
func (g *Group) lost(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	if len(partitions) == 0 {
		return
	}
	g.options.Log.Warn("lost", "partitions", partitions)
	g.stop(partitions)
}

func (g *Group) stop(partitions map[string][]int32) {
	var all sync.WaitGroup
	for topic, ids := range partitions {
		for _, id := range ids {
			if w := g.remove(partition{topic, id}); w != nil {
				all.Go(w.stop)
			}
		}
	}
	all.Wait()
}

func (g *Group) remove(p partition) *worker {
	g.mu.Lock()
	defer g.mu.Unlock()
	w := g.workers[p]
	delete(g.workers, p)
	g.metrics.forget(p)
	return w
}

// held are the partitions that we work on.
func (g *Group) held() map[string][]int32 {
	g.mu.Lock()
	defer g.mu.Unlock()
	held := map[string][]int32{}
	for p := range g.workers {
		held[p.topic] = append(held[p.topic], p.id)
	}
	return held
}

func (g *Group) end() {
	ctx, cancel := context.WithTimeout(context.Background(), g.options.Grace)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		g.stop(g.held())
		if err := g.client.CommitMarkedOffsets(ctx); err != nil {
			g.options.Log.Warn("some events will come again", "error", err.Error())
		}
		g.client.CloseAllowingRebalance()
	}()
	select {
	case <-ended:
		g.options.Log.Info("left the group")
	case <-ctx.Done():
		g.options.Log.Warn("work still ran when the grace ended", "grace", g.options.Grace.String())
	}
}
