// Package tracetest runs an OpenTelemetry collector for tests. It keeps what it
// receives by OTLP over HTTP.
package tracetest

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is one that was sent.
type Span struct {
	// Service is the program that sent it.
	Service string
	// Trace, ID and Parent are hexadecimal; Parent is "" for the first of a trace.
	Trace, ID, Parent string
	Name              string
	// Failed says that its status is an error.
	Failed bool
	// Attributes have strings as they are and numbers as protobuf prints them.
	Attributes map[string]string
}

// Collector is a running one.
type Collector struct {
	URL   string
	mu    sync.Mutex
	spans []Span
	// raw is all that came, to search.
	raw []byte
}

// Start runs a collector until the test ends.
func Start(t *testing.T) *Collector {
	t.Helper()
	c := &Collector{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", func(w http.ResponseWriter, r *http.Request) {
		if err := c.take(r.Body); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// Use makes programs of this process send their traces here, at once.
func (c *Collector) Use(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
}

// Spans returns those that have come, in the order in which they ended.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// Of returns those of a trace.
func (c *Collector) Of(trace string) []Span {
	return slices.DeleteFunc(c.Spans(), func(s Span) bool { return s.Trace != trace })
}

// Raw returns all bytes that have come.
func (c *Collector) Raw() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.raw)
}

func (c *Collector) take(body io.Reader) error {
	content, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	var request collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(content, &request); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw = append(c.raw, content...)
	for _, resource := range request.ResourceSpans {
		service := ""
		for _, a := range resource.Resource.Attributes {
			if a.Key == "service.name" {
				service = a.Value.GetStringValue()
			}
		}
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans = append(c.spans, read(service, s))
			}
		}
	}
	return nil
}

func read(service string, s *otlp.Span) Span {
	span := Span{Service: service, Name: s.Name, Trace: hex.EncodeToString(s.TraceId), ID: hex.EncodeToString(s.SpanId),
		Parent: hex.EncodeToString(s.ParentSpanId), Failed: s.Status.GetCode() == otlp.Status_STATUS_CODE_ERROR, Attributes: map[string]string{}}
	for _, a := range s.Attributes {
		span.Attributes[a.Key] = a.Value.GetStringValue()
		if span.Attributes[a.Key] == "" {
			span.Attributes[a.Key] = a.Value.String()
		}
	}
	return span
}

// Require returns the only span of the list with a name and a service.
func Require(t *testing.T, spans []Span, service, name string) Span {
	t.Helper()
	found := slices.DeleteFunc(slices.Clone(spans), func(s Span) bool { return s.Service != service || s.Name != name })
	require.Len(t, found, 1, "%s of %s in %v", name, service, spans)
	return found[0]
}
