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
	"github.com/scalestack/scalestack/sharding/ops"
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
	http   *http.Server
	api    *api.API
	probes *ops.Server
	// connections is the listener that counts them.
	connections *limited
	delay       time.Duration
	grace       time.Duration
	log         *slog.Logger

	maxConnections int64
}

func markBeyond(ctx context.Context, conn net.Conn) context.Context {
	if c, ok := conn.(*connection); ok && c.beyond {
		return api.Beyond(ctx)
	}
	return ctx
}

func newServer(handler *api.API, probes *ops.Server, s *settings.Serve, log *slog.Logger) *server {
	return &server{
		http: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: headerTimeout,
			ReadTimeout:       bodyTimeout,
			WriteTimeout:      bodyTimeout + s.RequestTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeaderBytes,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
			ConnContext:       markBeyond,
		},
		maxConnections: int64(s.MaxConnections),
		api:            handler, probes: probes, delay: s.ShutdownDelay, grace: s.ShutdownGrace, log: log,
	}
}

// run serves until the context ends, and then drains.
func (s *server) run(ctx context.Context, listener net.Listener) error {
	failed := make(chan error, 1)
	s.connections = &limited{Listener: listener, max: s.maxConnections}
	go func() { failed <- s.http.Serve(s.connections) }()
	s.log.Info("serving", "address", listener.Addr().String())
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	return s.drain()
}

// drain first only reports that the service is not ready: load balancers learn
// of that late, and until then new requests come and are served. Each answer ends
// its connection. Idle connections are left alone until after the delay: a request
// may be on its way over one, and closing it would cut that off.
func (s *server) drain() error {
	s.log.Info("draining", "delay", s.delay.String(), "grace", s.grace.String())
	s.probes.Drain()
	s.api.Drain()
	<-time.After(s.delay)
	ctx, cancel := context.WithTimeout(context.Background(), s.grace)
	defer cancel()
	_ = s.connections.Close()
	s.linger(ctx)
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests still ran after %s: %w", s.grace, err), s.http.Close())
	}
	s.log.Info("drained")
	return nil
}

// lingerFor is how long the last connections may stay silent.
const lingerFor = 2 * time.Second

// linger waits until each connection has ended with an answer: Shutdown closes
// idle ones at once, and answers no first request any more.
func (s *server) linger(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lingerFor)
	defer cancel()
	ticker := time.NewTicker(lingerFor / 100)
	defer ticker.Stop()
	for s.connections.open.Load() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
