// Package ops serves what a cluster needs from a program that has no users: probes and
// metrics.
package ops

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const headerTimeout = 5 * time.Second

// Server serves /healthz, /readyz and /metrics.
type Server struct {
	http    *http.Server
	address string
	ready   atomic.Bool
	// draining is final: Ready cannot undo it.
	draining atomic.Bool
}

// NewRegistry returns a registry with the metrics of the Go runtime and the process.
func NewRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// Start serves until the context ends.
func Start(ctx context.Context, address string, metrics *prometheus.Registry, log *slog.Logger) (*Server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	s := &Server{address: listener.Addr().String(), http: &http.Server{ReadHeaderTimeout: headerTimeout, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}}
	s.http.Handler = s.handler(metrics)
	go func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("probes and metrics are gone", "error", err.Error())
		}
	}()
	context.AfterFunc(ctx, func() { _ = s.http.Close() })
	log.Info("serving probes and metrics", "address", s.address)
	return s, nil
}

// Drain announces that the program is about to end: it stays unready from now on,
// whatever Ready says.
func (s *Server) Drain() { s.draining.Store(true) }

// Address returns host:port of the listener.
func (s *Server) Address() string { return s.address }

// Ready sets whether the program has what it needs to work. A rollout waits for that;
// nothing is restarted because of it.
func (s *Server) Ready(ready bool) { s.ready.Store(ready) }

func (s *Server) handler(metrics *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	// A restart would not repair a broker or a shard.
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !s.ready.Load() || s.draining.Load() {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
		}
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	return mux
}
