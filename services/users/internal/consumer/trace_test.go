package consumer_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"

	"github.com/scalestack/scalestack/services/users/internal/consumer"
	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/services/users/internal/tracetest"
	"github.com/scalestack/scalestack/services/users/internal/tracing"
	"github.com/stretchr/testify/require"
)

// Each attempt is a span under the one that published the event, and knows its number.
func TestEveryAttemptIsInTheTrace(t *testing.T) {
	c := tracetest.Start(t)
	c.Use(t)
	s, err := settings.EmailCommand.Load(os.Environ())
	require.NoError(t, err)
	tracer, flush, err := tracing.Start(t.Context(), s.Tracing, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	r := newRig(t)
	var attempts atomic.Int64
	o := r.options(func(context.Context, *events.Event) (consumer.Outcome, error) {
		if attempts.Add(1) < 3 {
			return "", errors.New("ada@example.com: not yet")
		}
		return consumer.Done, nil
	})
	o.Tracer = tracer
	record := event(1, 1).Record(events.UserTopic)
	tracing.SetParent(record, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	r.kafka.Produce(record)
	stop := r.start(o)
	r.committed(1)
	stop()
	flush()
	spans := c.Spans()
	require.Len(t, spans, 3)
	for i, span := range spans {
		require.Equal(t, "process user_events", span.Name)
		require.Equal(t, "0af7651916cd43dd8448eb211c80319c", span.Trace)
		require.Equal(t, "b7ad6b7169203331", span.Parent)
		require.Equal(t, i < 2, span.Failed)
		require.Contains(t, span.Attributes["scalestack.attempt"], string(rune('1'+i)))
	}
	require.NotContains(t, c.Raw(), "ada@")
}
