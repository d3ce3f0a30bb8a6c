package consumer

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
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
	for p, records := range behind {
		if g.workers[p] != nil {
			g.metrics.lag.WithLabelValues(p.topic, strconv.Itoa(int(p.id))).Set(float64(records))
		}
	}
	return nil
}

// lag returns how many records a group has before it.
func lag(ctx context.Context, admin *kadm.Client, group string, topics ...string) (map[partition]int64, error) {
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
	behind := map[partition]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		start, _ := starts.Lookup(end.Topic, end.Partition)
		from := start.Offset
		// What was committed may be older than what the topic still has.
		if at, found := committed.Lookup(end.Topic, end.Partition); found && at.Err == nil {
			from = max(from, at.At)
		}
		behind[partition{end.Topic, end.Partition}] = max(0, end.Offset-from)
	})
	return behind, nil
}
