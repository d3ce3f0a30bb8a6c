// Package tracing follows a request through HTTP, router and shard, and its events
// through outbox and Kafka to the consumers, as OpenTelemetry spans of one trace.
//
// It is off without an endpoint: then [Start] returns a nil *Tracer, all of whose
// methods return at once, read no header and allocate nothing.
//
// Only the W3C header traceparent is accepted and passed on, without tracestate and
// baggage, into which a client could write anything. Spans hold no personal data: no
// path, address, key, statement, argument or error text.
//
// The SDK and its OTLP exporter are OpenTelemetry's own, with their queue, retries,
// sampling and standard variables. The exporter depends on gRPC's packages although it
// speaks HTTP; together they are 138 packages and 3.4 MB of the binary.
//
// The package starts the spans itself instead of using the instrumentation libraries:
// otelhttp records the client's address and the raw path, otelpgx the database's error
// texts, which can quote values, and kotel the key of each record, which is the user's
// id.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-logr/logr"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"
)

const (
	// flushTimeout is what a collector that hangs adds to the end of a program.
	flushTimeout = 2 * time.Second
	// complainEvery is how often the log says that spans are lost.
	complainEvery = time.Minute
	scope         = "github.com/scalestack/scalestack/services/users"
)

// Tracer begins spans; nil begins none.
type Tracer struct{ tracer trace.Tracer }

// Start returns a Tracer, nil without an endpoint in the settings, and a function that
// sends what is left, for 2 s at most. Spans wait in a queue of 2048 and are sent in
// the background; when it is full they are dropped. The SDK reads further variables
// itself: OTEL_EXPORTER_OTLP_*, OTEL_BSP_*, OTEL_RESOURCE_ATTRIBUTES and the samplers'.
func Start(ctx context.Context, s settings.Tracing, log *slog.Logger) (*Tracer, func(), error) {
	if !s.Enabled() {
		return nil, func() {}, nil
	}
	reportTo(log)
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("traces: %w", err)
	}
	described, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithAttributes(semconv.ServiceName(s.ServiceName)), resource.WithFromEnv())
	if err != nil {
		// What could be read is used.
		log.Warn("traces: resource attributes", "error", err.Error())
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(described), sdk.WithoutPanicRecording())
	return &Tracer{provider.Tracer(scope)}, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			log.Warn("the last traces are lost", "error", err.Error())
		}
	}, nil
}

// reportTo brings what the SDK has to say into the log. A collector that is gone fails
// every few seconds, which is said once a minute.
func reportTo(log *slog.Logger) {
	seldom := rate.Sometimes{Interval: complainEvery}
	otel.SetLogger(logr.FromSlogHandler(log.Handler()))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		seldom.Do(func() { log.Warn("traces are lost", "error", err.Error()) })
	}))
}
