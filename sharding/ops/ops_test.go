package ops

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

func TestProbesAndMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "seen_total", Help: "Seen."})
	registry.MustRegister(counter)
	s, err := Start(t.Context(), "127.0.0.1:0", registry, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	get := func(path string) *httptest.ResponseRecorder {
		response := httptest.NewRecorder()
		s.http.Handler.ServeHTTP(response, httptest.NewRequest("GET", path, nil))
		return response
	}
	require.Equal(t, http.StatusOK, get("/healthz").Code)
	require.Equal(t, http.StatusServiceUnavailable, get("/readyz").Code)
	s.Ready(true)
	require.Equal(t, http.StatusOK, get("/readyz").Code)
	s.Drain()
	s.Ready(true)
	require.Equal(t, http.StatusServiceUnavailable, get("/readyz").Code, "an answer that comes late ends no drain")
	require.Equal(t, http.StatusOK, get("/healthz").Code)
	require.Contains(t, get("/metrics").Body.String(), "seen_total 0")
}

func TestAnAddressInUse(t *testing.T) {
	_, err := Start(t.Context(), "127.0.0.1:-1", prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "invalid port")
}
