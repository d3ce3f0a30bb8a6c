package relay

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// tryLeadEvery is how soon another relay takes over.
	tryLeadEvery = 250 * time.Millisecond
	measureEvery = 5 * time.Second
	cleanEvery   = 30 * time.Second
	// warnAfter is long for Kafka, also while a partition finds a new leader.
	warnAfter = 10 * time.Second
)

// publisher is the relay of one shard.
type publisher struct {
	relay  *Relay
	m      *shardmap.Map
	shard  shardmap.Shard
	log    *slog.Logger
	next   position
	timers struct{ measure, clean time.Time }
}

var beginning = position{math.MinInt64, math.MinInt64}

func newPublisher(r *Relay, m *shardmap.Map, shard shardmap.Shard) *publisher {
	return &publisher{relay: r, m: m, shard: shard, log: r.options.Log.With("shard", shard.Name), next: beginning}
}

// run leads the shard whenever nobody else does, until the context ends.
func (p *publisher) run(ctx context.Context) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 100*time.Millisecond, 5*time.Second
	for ctx.Err() == nil {
		began := time.Now()
		err := p.once(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > wait.MaxInterval {
			wait.Reset()
		}
		p.log.Warn("interrupted", "error", err.Error())
		p.relay.metrics.failures.WithLabelValues(p.shard.Name, "shard").Inc()
		sleep(ctx, wait.NextBackOff())
	}
}

// once has one session, from its start to its end.
func (p *publisher) once(ctx context.Context) error {
	s, err := openSession(ctx, p.relay.options.Connect, p.m, &p.shard)
	if err != nil {
		return err
	}
	// The lock goes with the session; nobody may be kept waiting for it.
	defer s.close()
	if err := s.lead(ctx, tryLeadEvery); err != nil {
		return err
	}
	p.log.Info("publishing")
	leads := p.relay.metrics.leads.WithLabelValues(p.shard.Name)
	leads.Set(1)
	defer func() { leads.Set(0); p.relay.metrics.forget(p.shard.Name) }()
	box := &outbox{conn: s.conn, buckets: p.m.Buckets, source: "/scalestack/" + p.m.Cluster}
	for ctx.Err() == nil {
		idle, err := p.step(ctx, box)
		if err != nil {
			return err
		}
		if idle {
			sleep(ctx, p.relay.options.Poll)
		}
	}
	return ctx.Err()
}

// step publishes one batch. It is idle when it made no progress that another
// step could build on.
func (p *publisher) step(ctx context.Context, box *outbox) (idle bool, err error) {
	if err := p.housekeeping(ctx, box); err != nil {
		return false, err
	}
	limit := p.relay.options.Batch
	rows, err := box.read(ctx, p.next, limit)
	if err != nil {
		return false, err
	}
	// Round and round over all users, so that none waits behind those that
	// change all the time.
	first := p.next == beginning
	p.next = beginning
	if len(rows) == limit {
		p.next = rows[limit-1].position()
	}
	if len(rows) == 0 {
		return first, nil
	}
	published, failure := p.publish(ctx, rows)
	// What Kafka has is deleted even when the end was asked for meanwhile.
	deleting, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.relay.options.Grace)
	defer cancel()
	deleted, err := box.delete(deleting, published)
	if err != nil {
		return false, err
	}
	if failure != nil {
		p.next = beginning
		p.log.Error("Kafka refuses events", "error", failure.Error())
		p.relay.metrics.failures.WithLabelValues(p.shard.Name, "kafka").Inc()
		sleep(ctx, time.Second)
	}
	return deleted < len(published), nil
}

// publish returns the rows that are in Kafka and have no predecessor that is not.
func (p *publisher) publish(ctx context.Context, rows []row) (published []row, failure error) {
	records := make([]*kgo.Record, len(rows))
	for i := range rows {
		records[i] = rows[i].record()
	}
	results, err := p.produce(ctx, records)
	if err != nil {
		return nil, err
	}
	stuck := map[int64]bool{}
	for i, r := range rows {
		if err := results[records[i]]; err != nil || stuck[r.UserID] {
			stuck[r.UserID] = true
			failure = cmp.Or(failure, err)
			continue
		}
		published = append(published, r)
		p.relay.metrics.delay.Observe(r.age().Seconds())
	}
	p.relay.metrics.published.WithLabelValues(p.shard.Name).Add(float64(len(published)))
	return published, failure
}

// produce waits for Kafka as long as it takes, and after the end was asked for
// as long as the grace allows.
func (p *publisher) produce(ctx context.Context, records []*kgo.Record) (map[*kgo.Record]error, error) {
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	done := make(chan kgo.ProduceResults, 1)
	go func() { done <- p.relay.options.Kafka.ProduceSync(sending, records...) }()
	warn := time.NewTicker(warnAfter)
	defer warn.Stop()
	ended, expired := ctx.Done(), (<-chan time.Time)(nil)
	began := time.Now()
	for {
		select {
		case results := <-done:
			all := make(map[*kgo.Record]error, len(results))
			for _, result := range results {
				all[result.Record] = result.Err
			}
			return all, nil
		case <-warn.C:
			p.log.Warn("Kafka has not answered", "for", time.Since(began).Round(time.Second).String(), "events", len(records))
		case <-ended:
			ended, expired = nil, time.After(p.relay.options.Grace)
		case <-expired:
			return nil, fmt.Errorf("no answer from Kafka within %s after the end was asked for", p.relay.options.Grace)
		}
	}
}

// housekeeping looks at the backlog and cleans up, now and then.
func (p *publisher) housekeeping(ctx context.Context, box *outbox) error {
	now := time.Now()
	if now.Sub(p.timers.measure) > measureEvery {
		p.timers.measure = now
		rows, oldest, err := box.measure(ctx)
		if err != nil {
			return err
		}
		p.relay.metrics.backlog.WithLabelValues(p.shard.Name).Set(float64(rows))
		p.relay.metrics.oldest.WithLabelValues(p.shard.Name).Set(oldest)
	}
	if now.Sub(p.timers.clean) <= cleanEvery {
		return nil
	}
	cleaned, err := box.clean(ctx, p.relay.options.InboxRetention)
	if err != nil {
		return err
	}
	p.relay.metrics.cleaned.WithLabelValues(p.shard.Name).Add(float64(cleaned))
	if cleaned < cleanRows {
		p.timers.clean = now
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
