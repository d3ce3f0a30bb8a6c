package relay

import (
	"context"
	"slices"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/events"
)

const (
	// refusedRest is how long a topic is left alone after a refusal.
	refusedRest = time.Second
	// shortRest is how often what cannot be told by a notification is looked at: a
	// writer that is at work, a bucket whose fence ends, the answer of Kafka.
	shortRest = 50 * time.Millisecond
)

// dispatcher publishes a shard's outbox in one session. The session is used by one
// goroutine alone; only the waiting for Kafka is elsewhere.
type dispatcher struct {
	*publisher
	session *session
	box     *outbox
	lanes   []*lane
	// sent takes each batch that Kafka has answered.
	sent     chan *batch
	inFlight int
	asleep   bool
	looked   time.Time
}

func newDispatcher(p *publisher, s *session, box *outbox) *dispatcher {
	d := &dispatcher{publisher: p, session: s, box: box, sent: make(chan *batch)}
	for _, topic := range []string{events.UserTopic, events.ProductTopic} {
		d.lanes = append(d.lanes, newLane(topic, p.relay.options.Batch))
	}
	return d
}

// run publishes until the context ends or the session does.
func (d *dispatcher) run(ctx context.Context) error {
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	// A statement that is cancelled costs the session, and what is on its way could
	// not be deleted any more. The session limits their time.
	asking := context.WithoutCancel(ctx)
	if err := d.session.listen(asking); err != nil {
		return err
	}
	for ctx.Err() == nil {
		if err := d.lookAtOwners(asking, d.session, d.box); err != nil {
			return err
		}
		if err := d.housekeeping(asking, d.box); err != nil {
			return err
		}
		began, err := d.begin(asking, sending)
		if err == nil {
			err = d.wait(ctx, asking, began)
		}
		if err != nil {
			return err
		}
	}
	return d.finish(ctx)
}

// begin sends a batch of every lane that has rows and nothing on its way.
func (d *dispatcher) begin(ctx, sending context.Context) (began bool, err error) {
	if err := d.findLanes(ctx); err != nil {
		return false, err
	}
	now := time.Now()
	for _, l := range d.lanes {
		if !l.idle(now) {
			continue
		}
		from := l.next
		rows, err := d.box.read(ctx, l.topic, from, l.limit)
		if err != nil {
			return false, err
		}
		l.advance(rows)
		if len(rows) == 0 {
			began = began || from != beginning
			continue
		}
		began = true
		d.send(sending, &batch{lane: l, rows: rows, alone: l.suspect})
		l.suspect = false
	}
	return began, nil
}

// findLanes looks, now and then, for topics that this version does not know.
func (d *dispatcher) findLanes(ctx context.Context) error {
	if now := time.Now(); now.Sub(d.looked) < d.relay.options.Poll {
		return nil
	}
	d.looked = time.Now()
	topics, err := d.box.topics(ctx)
	if err != nil {
		return err
	}
	for _, topic := range topics {
		if !slices.ContainsFunc(d.lanes, func(l *lane) bool { return l.topic == topic }) {
			d.lanes = append(d.lanes, newLane(topic, d.relay.options.Batch))
		}
	}
	return nil
}

func (d *dispatcher) send(ctx context.Context, b *batch) {
	b.lane.busy = true
	d.inFlight++
	for i := range b.rows {
		b.records = append(b.records, b.rows[i].record())
	}
	go func() {
		b.results = d.publish(ctx, b)
		select {
		case d.sent <- b:
		case <-ctx.Done():
		}
	}()
}

// wait returns when there is something to do. Before the relay waits for writers
// alone it falls asleep and looks once more.
func (d *dispatcher) wait(ctx, asking context.Context, began bool) error {
	if d.inFlight > 0 {
		if got, err := d.settleWithin(ctx, shortRest); got || err != nil {
			return err
		}
	}
	switch {
	case began:
		return nil
	case !d.asleep:
		asleep, err := d.session.fallAsleep(asking)
		d.asleep = asleep
		if err == nil && !asleep {
			_, err = d.settleWithin(ctx, shortRest)
		}
		return err
	}
	b, err := d.sleep(ctx)
	if err == nil {
		err = d.session.wakeUp(asking)
		d.asleep = false
	}
	if err == nil && b != nil {
		err = d.settle(ctx, b)
	}
	return err
}

// sleep ends with a notification, an answer of Kafka, or when it is time to look
// without a reason.
func (d *dispatcher) sleep(ctx context.Context) (answered *batch, err error) {
	waiting, wake := context.WithTimeout(ctx, d.nap())
	defer wake()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case answered = <-d.sent:
			wake()
		case <-waiting.Done():
		}
	}()
	err = d.session.await(waiting)
	wake()
	<-ended
	return answered, err
}

// nap is how long nobody has to be looked after.
func (d *dispatcher) nap() time.Duration {
	nap := d.relay.options.Poll
	for _, l := range d.lanes {
		if rest := time.Until(l.rest); !l.busy && rest > 0 {
			nap = min(nap, rest)
		}
	}
	return nap
}

// settleWithin settles one batch if Kafka answers in time.
func (d *dispatcher) settleWithin(ctx context.Context, most time.Duration) (got bool, err error) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case b := <-d.sent:
		return true, d.settle(ctx, b)
	case <-timer.C:
	case <-ctx.Done():
	}
	return false, nil
}

// settle deletes what Kafka has, also when the end was asked for meanwhile.
func (d *dispatcher) settle(ctx context.Context, b *batch) error {
	d.inFlight--
	b.lane.busy = false
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.relay.options.Grace)
	defer cancel()
	published, failure := b.sort()
	deleted, err := d.box.delete(ctx, published)
	if err != nil {
		return err
	}
	for _, r := range published {
		d.relay.metrics.delay.Observe(r.age().Seconds())
	}
	d.relay.metrics.published.WithLabelValues(d.shard.Name).Add(float64(len(published)))
	if failure != nil {
		return d.refused(ctx, b, failure)
	}
	b.lane.limit = min(2*b.lane.limit, d.relay.options.Batch)
	if deleted < len(published) {
		b.lane.rest = time.Now().Add(shortRest)
	}
	return nil
}

// refused lets the lane rest, unless it is an event that is refused for good: that
// one is found by halving the batch, and set aside when Kafka refuses it alone too.
func (d *dispatcher) refused(ctx context.Context, b *batch, failure error) error {
	if isPoison(failure) {
		b.lane.next = beginning
	} else {
		b.lane.pass(b.rows)
	}
	d.relay.metrics.failures.WithLabelValues(d.shard.Name, "kafka").Inc()
	switch {
	case !isPoison(failure):
		b.lane.rest = time.Now().Add(refusedRest)
		d.log.Error("Kafka refuses events", "topic", b.lane.topic, "error", failure.Error())
	case len(b.rows) > 1:
		b.lane.limit = len(b.rows) / 2
	case !b.alone:
		b.lane.limit, b.lane.suspect = 1, true
	default:
		r := b.rows[0]
		d.log.Error("parked an event that Kafka refuses", "topic", r.topic, "user", r.UserID, "sequence", r.Sequence, "error", failure.Error())
		if err := d.box.park(ctx, r, failure.Error()); err != nil {
			return err
		}
		d.relay.metrics.parked.WithLabelValues(d.shard.Name).Inc()
	}
	return nil
}

// finish waits for what is on its way, as long as the grace allows.
func (d *dispatcher) finish(ctx context.Context) error {
	ends := time.Now().Add(d.relay.options.Grace)
	for d.inFlight > 0 && time.Now().Before(ends) {
		if _, err := d.settleWithin(context.WithoutCancel(ctx), time.Until(ends)); err != nil {
			return err
		}
	}
	if d.inFlight > 0 {
		d.log.Warn("Kafka has not answered, and some events will come again", "grace", d.relay.options.Grace.String())
	}
	return ctx.Err()
}
