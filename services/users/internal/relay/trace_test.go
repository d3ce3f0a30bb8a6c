package relay_test

import (
	"context"
	"testing"

	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/tracing"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
)

// within is a context in a trace.
func within(ctx context.Context) context.Context {
	return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled}))
}

const parent = "00-01000000000000000000000000000000-0200000000000000-01"

// Every change of a request leaves its trace in its event, which has it in Kafka, also
// where the relay follows none, and after the tables of the outbox have turned.
func TestEventsKeepTheirTrace(t *testing.T) {
	r := newRig(t, 1)
	ada, lamp := users.Profile{Name: "Ada", Email: "ada@example.com"}, users.Offer{Name: "Lamp"}
	changes := func(ctx context.Context, id int64) {
		_, _, err := r.store.Put(ctx, id, ada)
		require.NoError(t, err)
		for _, sku := range []string{"a", "b"} {
			_, _, err = r.store.PutProduct(ctx, id, sku, lamp)
			require.NoError(t, err)
		}
		_, _, err = r.store.DeleteProduct(ctx, id, "a")
		require.NoError(t, err)
		_, _, err = r.store.Delete(ctx, id)
		require.NoError(t, err)
	}
	changes(within(t.Context()), 1)
	_, _, err := r.store.Create(within(t.Context()), ada, "")
	require.NoError(t, err)
	changes(t.Context(), 2)

	server, database := r.shards.Servers[0], pgtest.Database(0)
	const traced = "SELECT count(*) FROM outbox_all WHERE traceparent = '" + parent + "'"
	require.Equal(t, 7, server.Count(database, traced))
	require.Equal(t, 6, server.Count(database, "SELECT count(*) FROM outbox_all WHERE traceparent IS NULL"))
	// Refused ones are copied when the tables turn.
	server.Exec(database, "WITH gone AS (DELETE FROM outbox RETURNING *) INSERT INTO outbox_spare SELECT * FROM gone")
	server.Exec(database, "UPDATE outbox_spare SET parked = 'refused'")
	require.Equal(t, 1, server.Count(database, "SELECT turn_outbox()::int"))
	require.Equal(t, 7, server.Count(database, traced))
	server.Exec(database, "UPDATE outbox SET parked = NULL; UPDATE outbox_spare SET parked = NULL")

	r.start()
	r.drained()
	with, without := 0, 0
	for _, topic := range []string{events.UserTopic, events.ProductTopic} {
		for _, record := range r.kafka.Records(topic) {
			switch events.Header(record, tracing.Header) {
			case parent:
				with++
			case "":
				without++
			}
		}
	}
	require.Equal(t, []int{7, 6}, []int{with, without})
}
