package tracing

import (
	"context"

	"github.com/scalestack/scalestack/sharding/router"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Shard is the attribute with a shard's name.
const Shard = attribute.Key("scalestack.shard")

// Router returns what follows a router's steps, for router.Options.Trace: nil when
// tracing is off.
func (t *Tracer) Router() func(context.Context, router.Step) (context.Context, func(error)) {
	if t == nil {
		return nil
	}
	return t.step
}

func ignore(error) {}

// step follows what belongs to a trace: housekeeping begins none.
func (t *Tracer) step(ctx context.Context, s router.Step) (context.Context, func(error)) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx, ignore
	}
	kind, options := trace.SpanKindInternal, []trace.SpanStartOption(nil)
	if s.Name == router.StepExecute {
		kind = trace.SpanKindClient
		options = append(options, trace.WithAttributes(semconv.DBSystemNamePostgreSQL))
	}
	if s.Shard != "" {
		options = append(options, trace.WithAttributes(Shard.String(s.Shard)))
	}
	ctx, span := t.tracer.Start(ctx, stepNames[s.Name], append(options, trace.WithSpanKind(kind))...)
	return ctx, func(err error) { Span{span}.End(err) }
}

var stepNames = map[router.StepName]string{
	router.StepRead: "router read", router.StepWrite: "router write",
	router.StepConnect: "shard connect", router.StepExecute: "shard execute",
}
