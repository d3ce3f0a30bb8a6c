package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/scalestack/scalestack/internal/edge/cache"
	"github.com/scalestack/scalestack/internal/edge/rules"
)

// watchInterval is how soon changed rules are in force.
const watchInterval = 500 * time.Millisecond

type serve struct {
	listen, admin, origin, rules, scheme string
	capacity                             int64
}

func newServe() *cobra.Command {
	s := &serve{}
	c := &cobra.Command{
		Use:   "serve",
		Short: "Cache in front of an origin, by the rules that the provider was given",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return s.run(cmd.Context()) },
	}
	f := c.Flags()
	f.StringVar(&s.listen, "listen", "127.0.0.1:8088", "address for visitors")
	f.StringVar(&s.admin, "admin", "127.0.0.1:8089", "loopback address for /__edge/ready and /__edge/purge")
	f.StringVar(&s.origin, "origin", "", "base URL of the app, for example http://10.0.0.1:80")
	f.StringVar(&s.rules, "rules", "", "folder with the applied rules; changes are picked up")
	f.StringVar(&s.scheme, "scheme", "http", "scheme that visitors are taken to use, http or https")
	f.Int64Var(&s.capacity, "capacity", 256, "memory for cached bodies, in MiB")
	c.MarkFlagRequired("origin")
	c.MarkFlagRequired("rules")
	return c
}

func (s *serve) run(ctx context.Context) error {
	origin, err := parseOrigin(s.origin)
	if err != nil {
		return err
	}
	if err := s.check(); err != nil {
		return err
	}
	live, err := rules.Open(s.rules)
	if err != nil {
		return err
	}
	edge := cache.New(cache.Options{Origin: origin, Rules: live.Current, Scheme: s.scheme, Capacity: s.capacity << 20})
	visitors, err := net.Listen("tcp", s.listen)
	if err != nil {
		return err
	}
	admin, err := net.Listen("tcp", s.admin)
	if err != nil {
		visitors.Close()
		return err
	}
	go live.Watch(ctx, watchInterval)
	slog.Info("the local edge is up", "listen", visitors.Addr().String(),
		"admin", admin.Addr().String(), "origin", origin.String(), "rules", live.Current().Count())
	return serveAll(ctx, map[net.Listener]http.Handler{visitors: edge, admin: edge.Admin(live.Err)})
}

// check keeps the purge away from the network.
func (s *serve) check() error {
	if s.scheme != "http" && s.scheme != "https" {
		return fmt.Errorf("--scheme: %q is not http or https", s.scheme)
	}
	if s.capacity < 1 {
		return fmt.Errorf("--capacity: %d is not at least 1", s.capacity)
	}
	address, err := netip.ParseAddrPort(s.admin)
	if err != nil || !address.Addr().IsLoopback() {
		return fmt.Errorf("--admin: %q is not a loopback address with a port", s.admin)
	}
	return nil
}

func parseOrigin(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || (u.Path != "" && u.Path != "/") {
		return nil, fmt.Errorf("--origin: %q is not a base URL such as http://10.0.0.1:80", text)
	}
	return u, nil
}

// serveAll answers until ctx ends or a server fails, and lets requests finish.
func serveAll(ctx context.Context, handlers map[net.Listener]http.Handler) error {
	failed := make(chan error, len(handlers))
	var servers []*http.Server
	for listener, handler := range handlers {
		server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
		servers = append(servers, server)
		go func() { failed <- server.Serve(listener) }()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	for _, server := range servers {
		err = errors.Join(err, server.Shutdown(grace))
	}
	return err
}
