package relay

import (
	"context"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/tracing"
	"github.com/twmb/franz-go/pkg/kgo"
)

// publishWithin bounds the wait for Kafka: a partition that takes nothing must not hold up
// the others. Records that may be written are waited for. Who is alone connects first.
const publishWithin, aloneWithin = 2 * time.Second, 10 * time.Second

// publish waits until Kafka has answered for every record, or will not soon.
func (d *dispatcher) publish(ctx context.Context, b *batch) kgo.ProduceResults {
	records, produce, within := b.records, d.relay.options.Kafka.ProduceSync, publishWithin
	if b.alone {
		produce, within = d.produceAlone, aloneWithin
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tracer := d.relay.options.Tracer
	if tracer == nil {
		return produce(ctx, records...)
	}
	spans := make(map[*kgo.Record]tracing.Span, len(records))
	for _, record := range records {
		spans[record] = tracer.Publish(record)
	}
	results := produce(ctx, records...)
	for _, result := range results {
		spans[result.Record].End(result.Err)
	}
	return results
}

// produceAlone has a client of its own. The one that all shards share puts what goes to one
// partition into one batch, and Kafka refuses that as a whole.
func (d *dispatcher) produceAlone(ctx context.Context, records ...*kgo.Record) kgo.ProduceResults {
	client, err := kgo.NewClient(d.relay.options.Kafka.Opts()...)
	if err != nil {
		return kgo.ProduceResults{{Record: records[0], Err: err}}
	}
	defer client.Close()
	return client.ProduceSync(ctx, records...)
}
