package main

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/kafkatest"
	"github.com/scalestack/scalestack/services/users/internal/redistest"
	"github.com/scalestack/scalestack/services/users/internal/shardtest"
	"github.com/scalestack/scalestack/services/users/internal/tracetest"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// traced is all programs of the service on real servers, with a collector.
type traced struct {
	*testing.T
	url       string
	shards    *pgtest.Shards
	box       *postbox
	collector *tracetest.Collector
}

func startTraced(t *testing.T) *traced {
	cache := redistest.Start(t)
	kafka := kafkatest.Start(t, 3, events.UserTopic, events.ProductTopic, "email_dlq", "analytics_dlq", "invalidate_dlq")
	shards, _ := shardtest.Start(t, 2)
	box, mail := startPostbox(t)
	c := tracetest.Start(t)
	c.Use(t)
	for name, value := range map[string]string{
		"SCALESTACK_METRICS_LISTEN": "127.0.0.1:0", "SCALESTACK_LOG_LEVEL": "error", "SCALESTACK_PUBLIC": "true", "SCALESTACK_SHUTDOWN_DELAY": "0s",
		"SCALESTACK_SHARD_MAP": shards.App.MapFile, "SCALESTACK_SHARD_CREDENTIALS": shards.As("app", pgtest.AppPassword).Credentials,
		"SCALESTACK_REDIS_ADDRESS": cache.Address, "SCALESTACK_REDIS_CREDENTIALS": cache.Credentials,
		"SCALESTACK_KAFKA_BOOTSTRAP": kafka.Bootstrap[0], "SCALESTACK_KAFKA_CA": kafka.CA,
		"SCALESTACK_KAFKA_USER": kafka.User, "SCALESTACK_KAFKA_CREDENTIALS": kafka.Credentials,
		"SCALESTACK_SMTP_ADDRESS": mail, "SCALESTACK_SMTP_TLS": "none", "SCALESTACK_RETRY_FOR": "1s",
	} {
		t.Setenv(name, value)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Setenv("SCALESTACK_LISTEN", listener.Addr().String())
	require.NoError(t, listener.Close())
	for _, command := range []string{"relay", "email", "analytics", "invalidate", "serve"} {
		begin(t, command)
	}
	s := &traced{t, "http://" + listener.Addr().String(), shards, box, c}
	require.Eventually(t, func() bool { return status(s.url+anAsset) == http.StatusOK }, patience, 20*time.Millisecond)
	return s
}

// register returns the path of the new user.
func (s *traced) register(parent, mailbox string) string {
	s.Helper()
	body := fmt.Sprintf(`{"name":"Augusta Ada King","email":"%s@example.com"}`, mailbox)
	request, err := http.NewRequestWithContext(s.Context(), http.MethodPost, s.url+"/users", strings.NewReader(body))
	require.NoError(s, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Traceparent", parent)
	request.Header.Set("Baggage", "client=secret")
	response, err := http.DefaultClient.Do(request)
	require.NoError(s, err)
	defer response.Body.Close()
	require.Equal(s, http.StatusCreated, response.StatusCode, "whatever the header is")
	return response.Header.Get("Location")
}

// await returns the spans of a trace once they are what is waited for.
func (s *traced) await(trace string, has func([]tracetest.Span) bool) []tracetest.Span {
	s.Helper()
	require.Eventually(s, func() bool { return has(s.collector.Of(trace)) }, patience, 50*time.Millisecond)
	return s.collector.Of(trace)
}

func count(spans []tracetest.Span, service, name string) (n int) {
	for _, span := range spans {
		if span.Service == service && span.Name == name {
			n++
		}
	}
	return n
}

// followed holds once every program has sent its outermost span of a registration,
// which ends last.
func followed(spans []tracetest.Span) bool {
	return !slices.ContainsFunc([]step{{"users", "POST /users"}, {"relay", "publish user_events"}, {"email", "process user_events"},
		{"analytics", "process user_events"}, {"invalidate", "process user_events"}},
		func(want step) bool { return count(spans, want.service, want.name) == 0 })
}

// step is a span by its service and its name.
type step struct{ service, name string }

// below returns the ends of all ways from a parent over such spans. What has failed was
// repeated: Kafka may be slow, and an event may come twice.
func below(spans []tracetest.Span, parent string, way ...step) (ends []tracetest.Span) {
	for _, span := range spans {
		switch {
		case span.Parent != parent || span.Failed || (step{span.Service, span.Name}) != way[0]:
		case len(way) == 1:
			ends = append(ends, span)
		default:
			ends = append(ends, below(spans, span.ID, way[1:]...)...)
		}
	}
	return ends
}

// A registration is one trace through all programs, each span under the one that
// caused it.
func TestARegistrationIsOneTrace(t *testing.T) {
	s := startTraced(t)
	const trace, client = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	path := s.register("00-"+trace+"-"+client+"-01", "ada")
	write := []step{{"users", "POST /users"}, {"users", "router write"}}
	spans := s.await(trace, func(spans []tracetest.Span) bool {
		processed := func(service string, more ...step) []tracetest.Span {
			return below(spans, client, slices.Concat(write, []step{{"users", "shard execute"}, {"relay", "publish user_events"}, {service, "process user_events"}}, more)...)
		}
		return len(below(spans, client, append(write, step{"users", "shard connect"})...)) > 0 &&
			len(processed("analytics", step{"analytics", "router write"}, step{"analytics", "shard execute"})) > 0 &&
			slices.ContainsFunc(processed("invalidate"), func(marking tracetest.Span) bool {
				return slices.ContainsFunc(spans, func(redis tracetest.Span) bool { return redis.Parent == marking.ID })
			}) &&
			slices.ContainsFunc(processed("email"), func(mailing tracetest.Span) bool {
				return len(below(spans, mailing.ID, step{"email", "router write"})) == 2 // the claim and the note
			})
	})
	require.Equal(t, "201", strings.TrimPrefix(tracetest.Require(t, spans, "users", "POST /users").Attributes["http.response.status_code"], "int_value:"))

	t.Run("a hit of the cache asks no shard", func(t *testing.T) {
		require.Equal(t, http.StatusOK, status(s.url+path))
		require.Equal(t, http.StatusOK, status(s.url+path))
		var gets []tracetest.Span
		require.Eventually(t, func() bool {
			gets = slices.DeleteFunc(s.collector.Spans(), func(x tracetest.Span) bool { return x.Name != "GET /users/{id}" })
			return len(gets) == 2
		}, patience, 50*time.Millisecond)
		require.NotEqual(t, gets[0].Trace, gets[1].Trace)
		require.Len(t, s.collector.Of(gets[1].Trace), 2)
		tracetest.Require(t, s.collector.Of(gets[1].Trace), "users", "redis get")
	})
	t.Run("a client that does not sample", func(t *testing.T) {
		const unsampled = "1af7651916cd43dd8448eb211c80319c"
		s.register("00-"+unsampled+"-"+client+"-00", "ada")
		s.mailed(2)
		require.Empty(t, s.collector.Of(unsampled))
	})
	t.Run("a header that is none", func(t *testing.T) {
		s.register("00-"+trace+"-"+client+"-01-more", "ada")
		s.mailed(3)
		var own string
		require.Eventually(t, func() bool {
			for _, span := range s.collector.Spans() {
				if span.Name == "POST /users" && span.Trace != trace {
					own = span.Trace
				}
			}
			return own != "" && followed(s.collector.Of(own))
		}, patience, 50*time.Millisecond)
		require.Empty(t, tracetest.Require(t, s.collector.Of(own), "users", "POST /users").Parent)
	})
	t.Run("dead letters and replays stay in the trace", func(t *testing.T) {
		const refused = "2af7651916cd43dd8448eb211c80319c"
		s.register("00-"+refused+"-"+client+"-01", "closed")
		spans := s.await(refused, func(spans []tracetest.Span) bool { return count(spans, "email", "publish email_dlq") == 1 })
		buried := tracetest.Require(t, spans, "email", "publish email_dlq")
		require.True(t, slices.ContainsFunc(spans, func(tried tracetest.Span) bool {
			return tried.Name == "process user_events" && tried.Failed && tried.Parent == buried.Parent
		}))
		s.box.open()
		require.Eventually(t, func() bool {
			out, _ := execute(t, "replay", "--group", "email")
			return out == "1 succeeded, 0 failed again\n"
		}, patience, 50*time.Millisecond)
		again := tracetest.Require(t, s.await(refused, func(spans []tracetest.Span) bool { return count(spans, "email", "process email_dlq") == 1 }), "email", "process email_dlq")
		require.Equal(t, buried.ID, again.Parent)
	})
	for _, personal := range []string{"Augusta", "@example.com", "secret", strings.TrimPrefix(path, "/users/"), "127.0.0.1", "INSERT"} {
		require.NotContains(t, s.collector.Raw(), personal)
	}
}

// mailed waits until so many users have a mail.
func (s *traced) mailed(n int) {
	s.Helper()
	require.Eventually(s, func() bool { mails, _ := s.box.count(); return mails >= n }, patience, 50*time.Millisecond)
}
