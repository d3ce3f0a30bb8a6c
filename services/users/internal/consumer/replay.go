package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ReplayGroup reads the dead letters of a group.
func ReplayGroup(group string) string { return group + "-replay" }

// Replayed counts what became of dead letters.
type Replayed struct {
	// Succeeded now, or had before.
	Succeeded int
	// Failed again and are dead letters again, behind the others.
	Failed int
}

// quietFor is how long a replay waits for a letter until it looks whether other
// replays have taken them.
const quietFor = time.Second

// Replay gives the handler the dead letters that there are now and that no replay
// has seen, at most limit of them, 0 for all. Those that fail again are not seen
// again by this one.
func Replay(ctx context.Context, o Options, limit int) (Replayed, error) {
	r := &replay{group: &Group{options: o, metrics: newMetrics(o.Metrics), slots: make(chan struct{}, 1)}, limit: limit}
	var err error
	r.group.client, err = kgo.NewClient(append(append([]kgo.Opt(nil), o.Kafka...),
		kgo.ConsumerGroup(ReplayGroup(o.Group)),
		kgo.ConsumeTopics(DeadLetters(o.Group)),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.DisableAutoCommit(),
		kgo.ProducerLinger(0),
	)...)
	if err != nil {
		return Replayed{}, err
	}
	defer r.group.client.Close()
	r.admin = kadm.NewClient(r.group.client)
	err = r.run(ctx)
	return r.replayed, err
}

type replay struct {
	group *Group
	admin *kadm.Client
	limit int
	// ends are where the letters of this replay end.
	ends     kadm.ListedOffsets
	replayed Replayed
}

func (r *replay) run(ctx context.Context) (err error) {
	topic := DeadLetters(r.group.options.Group)
	if r.ends, err = r.admin.ListEndOffsets(ctx, topic); err == nil {
		err = r.ends.Error()
	}
	if err != nil {
		return fmt.Errorf("looking for dead letters: %w", err)
	}
	for !r.full() {
		left, err := r.left(ctx, topic)
		if err != nil || !left {
			return err
		}
		if err := r.poll(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (r *replay) full() bool { return r.limit > 0 && r.replayed.Succeeded+r.replayed.Failed >= r.limit }

// left reports whether any replay has letters before it.
func (r *replay) left(ctx context.Context, topic string) (bool, error) {
	behind, err := lag(ctx, r.admin, ReplayGroup(r.group.options.Group), topic)
	if err != nil {
		return false, fmt.Errorf("looking for dead letters: %w", err)
	}
	now, err := r.admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return false, fmt.Errorf("looking for dead letters: %w", err)
	}
	left := false
	r.ends.Each(func(end kadm.ListedOffset) {
		newest, _ := now.Lookup(end.Topic, end.Partition)
		left = left || behind[partition{end.Topic, end.Partition}].lag > newest.Offset-end.Offset
	})
	return left, nil
}

func (r *replay) poll(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, quietFor)
	defer cancel()
	fetches := r.group.client.PollRecords(waiting, fetchRecords)
	if err := fetches.Err(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("reading dead letters: %w", err)
	}
	var done []*kgo.Record
	for _, letter := range fetches.Records() {
		if end, _ := r.ends.Lookup(letter.Topic, letter.Partition); letter.Offset >= end.Offset || r.full() {
			continue
		}
		switch r.group.process(ctx, func() bool { return ctx.Err() == nil }, letter) {
		case stopped:
			return errors.Join(r.commit(done), ctx.Err())
		case succeeded:
			r.replayed.Succeeded++
		case buried:
			r.replayed.Failed++
		}
		done = append(done, letter)
	}
	return r.commit(done)
}

// commit outlives the end, so that what was done is not done again.
func (r *replay) commit(done []*kgo.Record) error {
	if len(done) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), produceTimeout)
	defer cancel()
	if err := r.group.client.CommitRecords(ctx, done...); err != nil {
		return fmt.Errorf("remembering what was replayed: %w", err)
	}
	return nil
}
