package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/api"
	"github.com/scalestack/scalestack/services/users/internal/settings"
)

const (
	headerTimeout = 5 * time.Second
	bodyTimeout   = 10 * time.Second
	// idleTimeout is longer than that of usual load balancers, so that the
	// balancer and not the server ends an idle connection.
	idleTimeout    = 75 * time.Second
	maxHeaderBytes = 16 << 10
)

// server runs the API from its start to the end of its drain.
type server struct {
	http  *http.Server
	api   *api.API
	delay time.Duration
	grace time.Duration
	log   *slog.Logger
}

func newServer(handler *api.API, s *settings.Serve, log *slog.Logger) *server {
	return &server{
		http: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: headerTimeout,
			ReadTimeout:       bodyTimeout,
			WriteTimeout:      bodyTimeout + s.RequestTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeaderBytes,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		},
		api: handler, delay: s.ShutdownDelay, grace: s.ShutdownGrace, log: log,
	}
}

// run serves until the context ends, and then drains.
func (s *server) run(ctx context.Context, listener net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(listener) }()
	s.log.Info("serving", "address", listener.Addr().String())
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	return s.drain()
}

// drain first only reports that the service is not ready: load balancers learn
// of that late, and until then new requests come and are served.
func (s *server) drain() error {
	s.log.Info("draining", "delay", s.delay.String(), "grace", s.grace.String())
	s.api.Drain()
	s.http.SetKeepAlivesEnabled(false)
	<-time.After(s.delay)
	ctx, cancel := context.WithTimeout(context.Background(), s.grace)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests still ran after %s: %w", s.grace, err), s.http.Close())
	}
	s.log.Info("drained")
	return nil
}
