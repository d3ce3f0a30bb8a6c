package relay

import (
	"context"

	"github.com/scalestack/scalestack/services/users/internal/tracing"
	"github.com/twmb/franz-go/pkg/kgo"
)

// publish waits until Kafka has answered for every record.
func (d *dispatcher) publish(ctx context.Context, records []*kgo.Record) kgo.ProduceResults {
	tracer := d.relay.options.Tracer
	if tracer == nil {
		return d.relay.options.Kafka.ProduceSync(ctx, records...)
	}
	spans := make(map[*kgo.Record]tracing.Span, len(records))
	for _, record := range records {
		spans[record] = tracer.Publish(record)
	}
	results := d.relay.options.Kafka.ProduceSync(ctx, records...)
	for _, result := range results {
		spans[result.Record].End(result.Err)
	}
	return results
}
