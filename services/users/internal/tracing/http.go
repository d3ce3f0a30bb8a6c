package tracing

import (
	"context"
	"net/http"
	"strconv"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Request is a request that is followed; the zero Request is none.
type Request struct{ Span }

// Request begins to follow a request, as part of the client's trace if it sends one.
// The route is a pattern.
func (t *Tracer) Request(ctx context.Context, header http.Header, method, route string) (context.Context, Request) {
	if t == nil {
		return ctx, Request{}
	}
	if values := header.Values(Header); len(values) == 1 {
		ctx = withParent(ctx, values[0])
	}
	ctx, span := t.tracer.Start(ctx, method+" "+route, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(semconv.HTTPRequestMethodKey.String(method), semconv.HTTPRoute(route)))
	return ctx, Request{Span{span}}
}

// Answered ends the span with the status code that was sent.
func (r Request) Answered(status int) {
	if r.span == nil {
		return
	}
	r.span.SetAttributes(semconv.HTTPResponseStatusCode(status))
	if status >= http.StatusInternalServerError {
		r.fail(strconv.Itoa(status))
	}
	r.End(nil)
}
