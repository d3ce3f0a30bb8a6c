package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/stretchr/testify/require"
)

// held answers no read until it is released.
type held struct {
	Service
	began, released chan struct{}
}

func (h held) Get(context.Context, int64) (users.Answer, error) {
	h.began <- struct{}{}
	<-h.released
	return users.Answer{}, nil
}

func TestRequestsBeyondTheLimitAreToldToComeAgain(t *testing.T) {
	service := held{began: make(chan struct{}), released: make(chan struct{})}
	a := New(service, Options{Timeout: time.Second, MaxRequests: 2, Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler), Access: Access{Public: true}})
	for range 2 {
		go call(a, "GET", "/users/7", "")
		<-service.began
	}
	for range 3 {
		refused := call(a, "GET", "/users/7", "")
		requireProblem(t, refused, http.StatusTooManyRequests, "too many requests at once")
		require.Equal(t, "1", refused.Header().Get("Retry-After"))
	}
	close(service.released)
	go func() { <-service.began }()
	require.Eventually(t, func() bool { return call(a, "GET", "/users/7", "").Code == http.StatusNotFound }, 5*time.Second, time.Millisecond)
}

func TestNothingIsServedBeyondTheLimitOfConnections(t *testing.T) {
	a := New(held{}, Options{Timeout: time.Second, MaxRequests: 2, Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler), Access: Access{Public: true}})
	ask := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		a.ServeHTTP(w, httptest.NewRequestWithContext(Beyond(t.Context()), "GET", path, nil))
		return w
	}
	refused := ask("/users/7")
	requireProblem(t, refused, http.StatusServiceUnavailable, "too many connections")
	require.Equal(t, "1", refused.Header().Get("Retry-After"))
	require.Equal(t, "close", refused.Header().Get("Connection"))
}
