package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/api"
	"github.com/scalestack/scalestack/services/users/internal/profilecache"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/services/users/internal/tracing"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/identity"
	"github.com/scalestack/scalestack/sharding/ops"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/scalestack/scalestack/sharding/shardctl"
	"github.com/spf13/cobra"
)

const (
	// followEvery is short beside the minute that a ConfigMap takes to arrive.
	followEvery = 2 * time.Second
	repairEvery = time.Second
	// sweepEvery is how soon the rest of a large deletion begins.
	sweepEvery = 10 * time.Second
	// verifyTimeout bounds the look at the shards before serving.
	verifyTimeout = 5 * time.Second
)

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Serve users over HTTP",
		Long: "Serves users and their products under /users and static files; and /healthz, /readyz and /metrics on a port of their own.\n\nSettings (environment):\n" +
			settings.ServeCommand.Help(),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := settings.ServeCommand.Load(os.Environ())
			if err != nil {
				return fmt.Errorf("settings: %w", err)
			}
			return runServe(cmd.Context(), s, shardctl.NewLog(s.LogLevel))
		},
	}
}

func runServe(ctx context.Context, s *settings.Serve, log *slog.Logger) error {
	registry := ops.NewRegistry()
	probes, err := ops.Start(context.WithoutCancel(ctx), s.MetricsListen, registry, log)
	if err != nil {
		return err
	}
	tracer, flush, err := tracing.Start(ctx, s.Tracing, log)
	if err != nil {
		return err
	}
	defer flush()
	options := s.Shards.As("scalestack-serve")
	options.Trace = tracer.Router()
	options.Pool, options.StatementTimeout, options.Metrics, options.Log = s.Pool, s.StatementTimeout, registry, log
	access, verifier, err := newAccess(s.Access, log)
	if err != nil {
		return err
	}
	shards, err := openShards(ctx, options)
	if err != nil {
		return err
	}
	defer shards.Close()
	servers := profilecache.NewServers(s.Redis, registry, log)
	defer servers.Close()
	tracer.Redis(servers.Clients()...)
	cache := profilecache.New(servers, profilecache.Options{
		TTL: s.CacheTTL, NegativeTTL: s.NegativeTTL, FillTimeout: s.RequestTimeout, Metrics: registry, Log: log,
	})
	// The followers outlive the signal: requests run until the drain has ended.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go shards.Follow(background, followEvery)
	go cache.Repair(background, repairEvery)

	store := users.NewStore(shards, users.StoreOptions{Events: s.Events, Log: log})
	handler := api.New(users.NewService(store, cache, s.RequestTimeout),
		api.Options{Timeout: s.RequestTimeout, MaxRequests: s.MaxRequests, Metrics: registry, Log: log, Access: access, Tracer: tracer})
	go store.SweepEvery(background, sweepEvery)
	go verifier.follow(background)
	// The shards are not asked again once they have answered: one that is down would take
	// every pod out of service, and the users of all other shards with them. Before that, a
	// rollout must not replace working pods by one that reaches no shard.
	go func() {
		if await(ctx, log, "every shard", store.Answers) && await(ctx, log, "the issuer's keys", verifier.ready) {
			probes.Ready(true)
		}
	}()
	listener, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return err
	}
	return newServer(handler, probes, s, log).run(ctx, listener)
}

// openShards returns a router whose map is the shards'.
func openShards(ctx context.Context, o router.Options) (*router.Router, error) {
	shards, err := router.New(o)
	if err != nil {
		return nil, err
	}
	if err := verify(ctx, shards, o.Log); err != nil {
		shards.Close()
		return nil, err
	}
	return shards, nil
}

// verify returns an error only if the map is not the shards'. A shard that was restored to a
// time before a move affects the users of its buckets, whom the router refuses, and must
// not keep every new pod from starting.
func verify(ctx context.Context, shards *router.Router, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, verifyTimeout)
	defer cancel()
	err := shards.Verify(ctx)
	var mismatch *identity.MismatchError
	if errors.As(err, &mismatch) {
		return err
	}
	if err != nil {
		log.Error("refusing buckets", "error", err.Error())
	}
	return nil
}
