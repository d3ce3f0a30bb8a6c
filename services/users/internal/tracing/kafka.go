package tracing

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Attempt is the attribute with the number of the attempt to process a record, from 1.
const Attempt = attribute.Key("scalestack.attempt")

// Publish begins to follow a record on its way to Kafka, in the trace that its header
// names, and makes its consumers continue from here. Without a Tracer the header stays.
func (t *Tracer) Publish(record *kgo.Record) Span {
	if t == nil {
		return Span{}
	}
	ctx, span := t.tracer.Start(withParent(context.Background(), parentOf(record)), "publish "+record.Topic,
		trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(semconv.MessagingSystemKafka,
			semconv.MessagingOperationName("publish"), semconv.MessagingOperationTypeSend, semconv.MessagingDestinationName(record.Topic)))
	SetParent(record, Parent(ctx))
	return Span{span}
}

// Process begins to follow an attempt to process a record.
func (t *Tracer) Process(ctx context.Context, record *kgo.Record, group string, attempt int) (context.Context, Span) {
	if t == nil {
		return ctx, Span{}
	}
	ctx, span := t.tracer.Start(withParent(ctx, parentOf(record)), "process "+record.Topic,
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(semconv.MessagingSystemKafka,
			semconv.MessagingOperationName("process"), semconv.MessagingOperationTypeProcess, semconv.MessagingDestinationName(record.Topic),
			semconv.MessagingConsumerGroupName(group), semconv.MessagingKafkaOffset(int(record.Offset)), Attempt.Int(attempt)))
	return ctx, Span{span}
}

// SetParent sets the record's header, unless parent is "".
func SetParent(record *kgo.Record, parent string) {
	if parent == "" {
		return
	}
	record.Headers = append(slices.DeleteFunc(record.Headers, isParent), kgo.RecordHeader{Key: Header, Value: []byte(parent)})
}

func isParent(h kgo.RecordHeader) bool { return h.Key == Header }

func parentOf(record *kgo.Record) string {
	if i := slices.IndexFunc(record.Headers, isParent); i >= 0 {
		return string(record.Headers[i].Value)
	}
	return ""
}
