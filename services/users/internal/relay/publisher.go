package relay

import (
	"context"
	"log/slog"
	"math"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

const (
	// tryLeadEvery is how soon another relay takes over.
	tryLeadEvery = 250 * time.Millisecond
	cleanEvery   = 30 * time.Second
)

// publisher is the relay of one shard.
type publisher struct {
	relay  *Relay
	m      *shardmap.Map
	shard  shardmap.Shard
	log    *slog.Logger
	timers timers
}

// timers are when a session did last what is done now and then.
type timers struct{ measure, parked, clean, owners time.Time }

var beginning = position{math.MinInt64, math.MinInt64}

func newPublisher(r *Relay, m *shardmap.Map, shard shardmap.Shard) *publisher {
	return &publisher{relay: r, m: m, shard: shard, log: r.options.Log.With("shard", shard.Name)}
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
	p.relay.answered.Store(true)
	// The lock goes with the session; nobody may be kept waiting for it.
	defer s.close()
	box := &outbox{conn: s.conn, buckets: p.m.Buckets, source: "/scalestack/" + p.m.Cluster}
	look := func() error { return p.lookAtOwners(ctx, s, box) }
	p.timers = timers{}
	if err := s.lead(ctx, tryLeadEvery, look); err != nil {
		return err
	}
	p.relay.hearAll(ctx, p.m)
	p.timers.owners = time.Time{}
	if err := look(); err != nil {
		return err
	}
	p.log.Info("publishing")
	leads := p.relay.metrics.leads.WithLabelValues(p.shard.Name)
	leads.Set(1)
	defer func() { leads.Set(0); p.relay.metrics.forget(p.shard.Name) }()
	return newDispatcher(p, s, box).run(ctx)
}

// housekeeping looks at the backlog and cleans up, now and then.
func (p *publisher) housekeeping(ctx context.Context, box *outbox) error {
	now := time.Now()
	if err := p.look(ctx, box, now); err != nil {
		return err
	}
	if p.relay.options.InboxRetention == 0 || now.Sub(p.timers.clean) <= cleanEvery {
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
