package tracing

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/twmb/franz-go/pkg/kerr"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Span is a step that is followed; the zero Span is none.
type Span struct{ span trace.Span }

// End ends the span. Of an error it has the kind and never the text.
func (s Span) End(err error, attributes ...attribute.KeyValue) {
	if s.span == nil {
		return
	}
	s.span.SetAttributes(attributes...)
	if err != nil {
		s.fail(errorType(err))
	}
	s.span.End()
}

func (s Span) fail(kind string) {
	s.span.SetStatus(codes.Error, "")
	s.span.SetAttributes(semconv.ErrorTypeKey.String(kind))
}

// errorType is the SQLSTATE, the name of Kafka's error, or the type in the program.
func errorType(err error) string {
	var sql *pgconn.PgError
	var kafka *kerr.Error
	switch {
	case errors.As(err, &sql):
		return sql.Code
	case errors.As(err, &kafka):
		return kafka.Message
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "canceled"
	}
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return fmt.Sprintf("%T", err)
}
