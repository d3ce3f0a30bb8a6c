package tracing

import (
	"context"
	"errors"
	"net"

	"github.com/redis/go-redis/v9"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Redis follows the clients' commands. Their names are recorded, no key and no value.
func (t *Tracer) Redis(clients ...redis.UniversalClient) {
	if t == nil {
		return
	}
	for _, client := range clients {
		client.AddHook(hook{t})
	}
}

type hook struct{ *Tracer }

func (hook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return next(ctx, network, address)
	}
}

func (h hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		ctx, span := h.command(ctx, cmd.Name())
		err := next(ctx, cmd)
		span.End(redisFault(err))
		return err
	}
}

func (h hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		ctx, span := h.command(ctx, "pipeline")
		err := next(ctx, cmds)
		span.End(redisFault(err))
		return err
	}
}

func (h hook) command(ctx context.Context, name string) (context.Context, Span) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx, Span{}
	}
	ctx, span := h.tracer.Start(ctx, "redis "+name, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(semconv.DBSystemNameRedis, semconv.DBOperationName(name)))
	return ctx, Span{span}
}

// redisFault leaves out what is an answer: no entry, and a script that is not loaded yet.
func redisFault(err error) error {
	if errors.Is(err, redis.Nil) || redis.HasErrorPrefix(err, "NOSCRIPT") {
		return nil
	}
	return err
}
