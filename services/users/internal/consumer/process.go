package consumer

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	firstPause = 100 * time.Millisecond
	// longestPause is how late a shard that is back is noticed.
	longestPause = 5 * time.Second
)

// Reasons of dead letters beside those of events.FormatError and PermanentError.
const (
	reasonRetries = "retries-exhausted"
	reasonPanic   = "panic"
)

// fate of a record.
type fate int

const (
	// stopped: it is as it was.
	stopped fate = iota
	// succeeded: nothing is left to do.
	succeeded
	// buried: it is a dead letter.
	buried
)

// process tries one record until it is done or a dead letter. Once it is stopping
// it does not wait for another attempt, and mayBegin says whether to begin at all.
func (g *Group) process(stopping context.Context, mayBegin func() bool, record *kgo.Record) fate {
	pauses := newPauses()
	began := time.Now()
	for attempt := 1; ; attempt++ {
		e, outcome, err := g.attempt(stopping, mayBegin, record, attempt)
		switch {
		case errors.Is(err, errStopped):
			return stopped
		case err == nil:
			g.metrics.succeeded(e, outcome)
			return succeeded
		}
		if reason := permanent(err); reason != "" {
			return g.bury(stopping, record, failure{reason, err, attempt})
		}
		g.metrics.retries.Inc()
		g.options.Log.Warn("trying again", "topic", record.Topic, "partition", record.Partition, "offset", record.Offset, "attempt", attempt, "error", err.Error())
		var done *DoneError
		switch late := time.Since(began) > g.options.RetryFor; {
		case late && errors.As(err, &done):
			g.metrics.succeeded(e, Done)
			return succeeded
		case late:
			return g.bury(stopping, record, failure{reasonRetries, err, attempt})
		}
		if !pause(stopping, pauses.NextBackOff()) {
			return stopped
		}
	}
}

func newPauses() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier, b.RandomizationFactor = firstPause, longestPause, 2, 0.5
	return b
}

// errStopped says that an attempt was not begun.
var errStopped = errors.New("stopped")

// attempt calls the handler once there is a slot. It does not stop what has begun.
func (g *Group) attempt(stopping context.Context, mayBegin func() bool, record *kgo.Record, number int) (e *events.Event, outcome Outcome, err error) {
	if e, err = read(record); err != nil {
		return nil, "", err
	}
	g.slots <- struct{}{}
	defer func() { <-g.slots }()
	if !mayBegin() {
		return nil, "", errStopped
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(stopping), AttemptTimeout)
	defer cancel()
	ctx, span := g.options.Tracer.Process(ctx, record, g.options.Group, number)
	outcome, err = guarded(ctx, g.options.Handler, e)
	span.End(err)
	return e, outcome, err
}

// read also knows the dead letters whose value was too long to be kept.
func read(record *kgo.Record) (*events.Event, error) {
	if omitted := events.Header(record, HeaderOmitted); omitted != "" {
		return nil, &events.FormatError{Reason: events.Oversized, Detail: omitted + " bytes, which were not kept"}
	}
	return events.FromRecord(record)
}

// guarded makes a panic an error: an event that brings one process down would
// bring all of them down, again and again.
func guarded(ctx context.Context, handle Handler, e *events.Event) (outcome Outcome, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = &PermanentError{reasonPanic, fmt.Errorf("%v\n%s", cause, debug.Stack())}
		}
	}()
	return handle(ctx, e)
}

// permanent returns the reason why trying again will not help, or "".
func permanent(err error) string {
	var format *events.FormatError
	var given *PermanentError
	switch {
	case errors.As(err, &format):
		return string(format.Reason)
	case errors.As(err, &given):
		return given.Reason
	}
	return ""
}

// pause is false when it was cut short.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
