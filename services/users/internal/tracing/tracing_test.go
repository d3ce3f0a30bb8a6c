package tracing_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/services/users/internal/tracetest"
	"github.com/scalestack/scalestack/services/users/internal/tracing"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func start(t *testing.T) (*tracing.Tracer, func()) {
	t.Helper()
	s, err := settings.EmailCommand.Load(os.Environ())
	require.NoError(t, err)
	tracer, flush, err := tracing.Start(t.Context(), s.Tracing, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return tracer, flush
}

func header(values ...string) http.Header { return http.Header{"Traceparent": values} }

// Off is the default: nothing runs, nothing is read, and nothing is allocated.
func TestOffCostsNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	tracer, flush := start(t)
	require.Nil(t, tracer)
	require.Nil(t, tracer.Router())
	require.Equal(t, before, runtime.NumGoroutine())
	flush()

	ctx, sent, record := t.Context(), header(parent), &kgo.Record{Topic: "user_events"}
	tracing.SetParent(record, parent)
	failure := errors.New("failed")
	require.Zero(t, testing.AllocsPerRun(100, func() {
		within, request := tracer.Request(ctx, sent, http.MethodGet, "/users/{id}")
		if tracing.Parent(within) != "" {
			panic("the header was read")
		}
		request.Answered(http.StatusOK)
		tracer.Publish(record).End(failure)
		_, span := tracer.Process(within, record, "email", 1)
		span.End(failure)
	}))
	require.Equal(t, parent, string(record.Headers[0].Value), "who does not trace passes the header on")
}

func TestParentsOfRequests(t *testing.T) {
	c := tracetest.Start(t)
	c.Use(t)
	tracer, flush := start(t)
	defer flush()
	const trace = "0af7651916cd43dd8448eb211c80319c"
	for name, test := range map[string]struct {
		values          []string
		taken, recorded bool
	}{
		"none":                   {nil, false, true},
		"sampled":                {[]string{parent}, true, true},
		"not sampled":            {[]string{parent[:53] + "00"}, true, false},
		"of a later version":     {[]string{"01" + parent[2:] + "-more"}, true, true},
		"empty":                  {[]string{""}, false, true},
		"two":                    {[]string{parent, parent}, false, true},
		"no trace":               {[]string{"00-00000000000000000000000000000000-b7ad6b7169203331-01"}, false, true},
		"no span":                {[]string{"00-" + trace + "-0000000000000000-01"}, false, true},
		"upper case":             {[]string{strings.ToUpper(parent)}, false, true},
		"too long":               {[]string{parent + "-more"}, false, true},
		"of an excluded version": {[]string{"ff" + parent[2:]}, false, true},
		"other text":             {[]string{"'; DROP TABLE users; --"}, false, true},
		"very long":              {[]string{strings.Repeat("0", 1<<16)}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			sent := header(test.values...)
			sent.Set("Tracestate", "client=personal")
			sent.Set("Baggage", "client=personal")
			ctx, request := tracer.Request(t.Context(), sent, http.MethodGet, "/users/{id}")
			request.Answered(http.StatusOK)
			passed := tracing.Parent(ctx)
			require.Len(t, passed, len(parent))
			require.Equal(t, test.taken, passed[3:35] == trace)
			require.Equal(t, test.recorded, strings.HasSuffix(passed, "-01") || strings.HasSuffix(passed, "-03"), passed)
		})
	}
	flush()
	require.NotContains(t, c.Raw(), "personal")
}

// Names, addresses and values are in errors; in spans there is only their kind.
func TestErrorsAreKindsOnly(t *testing.T) {
	c := tracetest.Start(t)
	c.Use(t)
	tracer, flush := start(t)
	ctx, request := tracer.Request(t.Context(), nil, http.MethodPut, "/users/{id}")
	step := func(err error) {
		_, end := tracer.Router()(ctx, router.Step{Name: router.StepExecute, Shard: "shard-0"})
		end(err)
	}
	step(&router.UnavailableError{Shard: "shard-0", Err: &pgconn.PgError{Code: "22P02", Message: "invalid input: ada@example.com"}})
	step(fmt.Errorf("ada@example.com: %w", context.DeadlineExceeded))
	step(&net.DNSError{Name: "ada@example.com"})
	request.Answered(http.StatusServiceUnavailable)
	flush()
	kinds := []string{}
	for _, s := range c.Spans() {
		require.True(t, s.Failed)
		kinds = append(kinds, s.Attributes["error.type"])
	}
	require.Equal(t, []string{"22P02", "timeout", "*net.DNSError", "503"}, kinds)
	require.NotContains(t, c.Raw(), "ada@")
}

// Housekeeping on the shards is no trace of its own.
func TestStepsOutsideOfATrace(t *testing.T) {
	c := tracetest.Start(t)
	c.Use(t)
	tracer, flush := start(t)
	_, end := tracer.Router()(t.Context(), router.Step{Name: router.StepRead})
	end(nil)
	flush()
	require.Empty(t, c.Spans())
}

// A collector in trouble costs neither requests nor the end their time.
func TestACollectorInTrouble(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"hangs":   func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() },
		"refuses": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) },
		"is busy": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "later", http.StatusServiceUnavailable) },
		"is gone": nil,
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(handler)
			if handler == nil {
				server.Close()
			}
			t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
			t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
			tracer, flush := start(t)
			began := time.Now()
			// Several times what the queue holds.
			for range 10_000 {
				_, request := tracer.Request(t.Context(), header(parent), http.MethodGet, "/users/{id}")
				request.Answered(http.StatusOK)
			}
			require.Less(t, time.Since(began), 2*time.Second, "requests do not wait")
			began = time.Now()
			flush()
			require.Less(t, time.Since(began), 4*time.Second, "the end waits 2 s at most")
		})
	}
}
