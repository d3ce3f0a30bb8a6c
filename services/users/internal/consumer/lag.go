package consumer

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	lagEvery   = 5 * time.Second
	lagTimeout = 4 * time.Second
)

// watchLag asks the brokers, not the fetches: a partition whose worker waits is
// not fetched, and that is the one whose lag matters.
func (g *Group) watchLag(ctx context.Context) {
	for pause(ctx, lagEvery) {
		if err := g.readLag(ctx); err != nil && ctx.Err() == nil {
			g.options.Log.Debug("reading the lag", "error", err.Error())
		}
	}
}

func (g *Group) readLag(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lagTimeout)
	defer cancel()
	admin := kadm.NewClient(g.client)
	behind, err := lag(ctx, admin, g.options.Group, g.options.Topics...)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for p, place := range behind {
		if g.workers[p] == nil {
			continue // Others have it, and commit what they have done.
		}
		g.metrics.lag.WithLabelValues(p.topic, strconv.Itoa(int(p.id))).Set(float64(place.lag))
		if !place.committed {
			g.markStart(p, place.start)
		}
	}
	return nil
}

// markStart commits where the group begins in a partition. Without an offset, which a quiet week takes away, KEDA and
// the Kafka Exporter count everything that a topic ever had, and a consumer that finds nothing would never commit one.
// A mark of a worker is later, since it has an epoch, and stays.
func (g *Group) markStart(p partition, start int64) {
	g.client.MarkCommitOffsets(map[string]map[int32]kgo.EpochOffset{p.topic: {p.id: {Epoch: -1, Offset: start}}})
}

// place is where a group is in a partition.
type place struct {
	// start is the first record that the topic still has, lag how many are before the group.
	start, lag int64
	committed  bool
}

// lag returns how many records a group has before it.
func lag(ctx context.Context, admin *kadm.Client, group string, topics ...string) (map[partition]place, error) {
	starts, err := admin.ListStartOffsets(ctx, topics...)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, err
	}
	ends, err := admin.ListEndOffsets(ctx, topics...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, err
	}
	committed, err := admin.FetchOffsets(ctx, group)
	// Newer brokers say so of a group that has committed nothing yet.
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, err
	}
	behind := map[partition]place{}
	ends.Each(func(end kadm.ListedOffset) {
		start, _ := starts.Lookup(end.Topic, end.Partition)
		from := start.Offset
		at, found := committed.Lookup(end.Topic, end.Partition)
		found = found && at.Err == nil && at.At >= 0
		// What was committed may be older than what the topic still has.
		if found {
			from = max(from, at.At)
		}
		behind[partition{end.Topic, end.Partition}] = place{start.Offset, max(0, end.Offset-from), found}
	})
	return behind, nil
}
