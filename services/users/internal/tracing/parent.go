package tracing

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Header carries the trace in requests and in records.
const Header = "traceparent"

// carrier has a traceparent and nothing else: a tracestate is neither read nor written.
type carrier string

func (c *carrier) Get(key string) string {
	if key == Header {
		return string(*c)
	}
	return ""
}

func (c *carrier) Set(key, value string) {
	if key == Header {
		*c = carrier(value)
	}
}

func (*carrier) Keys() []string { return []string{Header} }

// Parent returns the W3C traceparent of the span in a context, or "".
func Parent(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ""
	}
	var c carrier
	propagation.TraceContext{}.Inject(ctx, &c)
	return string(c)
}

// withParent continues a trace; what is no traceparent is ignored.
func withParent(ctx context.Context, parent string) context.Context {
	c := carrier(parent)
	return propagation.TraceContext{}.Extract(ctx, &c)
}
