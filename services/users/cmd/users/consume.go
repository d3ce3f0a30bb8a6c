package main

import (
	"context"
	"fmt"

	"github.com/scalestack/scalestack/services/users/internal/analytics"
	"github.com/scalestack/scalestack/services/users/internal/consumer"
	"github.com/scalestack/scalestack/services/users/internal/email"
	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/invalidate"
	"github.com/scalestack/scalestack/services/users/internal/kafkaclient"
	"github.com/scalestack/scalestack/services/users/internal/mailer"
	"github.com/scalestack/scalestack/services/users/internal/profilecache"
	"github.com/scalestack/scalestack/services/users/internal/reach"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/spf13/cobra"
)

// follower is a group's work with what it needs; close gives that back.
type follower struct {
	handle consumer.Handler
	topics []string
	// answers returns nil once what the work needs beside Kafka has answered.
	answers func(context.Context) error
	close   func()
}

func emailCommand() *cobra.Command {
	return workerCommand("Send every new user a mail",
		"Follows user_events. Each UserCreated becomes one mail; only a crash between the mail server's answer and the note of it makes it two, with one Message-ID.",
		settings.EmailCommand, func(ctx context.Context, s *settings.Email) error {
			return runConsumer(ctx, s.Consumer, func(w *worker) (*follower, error) { return newEmail(ctx, s, w) })
		})
}

func analyticsCommand() *cobra.Command {
	return workerCommand("Count what users do",
		"Follows user_events and product_events, and counts each event once, by user, day and type, on the user's shard.",
		settings.AnalyticsCommand, func(ctx context.Context, s *settings.Analytics) error {
			return runConsumer(ctx, s.Consumer, func(w *worker) (*follower, error) { return newAnalytics(ctx, s, w) })
		})
}

func invalidateCommand() *cobra.Command {
	return workerCommand("Take changed users out of the cache",
		"Follows user_events. After an event was followed, the cache never has a version older than that of the event.",
		settings.InvalidateCommand, func(ctx context.Context, s *settings.Invalidate) error {
			return runConsumer(ctx, s.Consumer, func(w *worker) (*follower, error) { return newInvalidate(s, w) })
		})
}

func runConsumer(ctx context.Context, s settings.Consumer, build func(*worker) (*follower, error)) error {
	w, err := newWorker(ctx, s.Worker)
	if err != nil {
		return err
	}
	defer w.flush()
	f, err := build(w)
	if err != nil {
		return err
	}
	defer f.close()
	group, err := consumer.New(f.options(s, w))
	if err != nil {
		return err
	}
	go w.readyOnce(ctx, group.Client(), f.answers)
	group.Run(ctx)
	w.log.Info("ended")
	return nil
}

func (f *follower) options(s settings.Consumer, w *worker) consumer.Options {
	return consumer.Options{
		Kafka: kafkaclient.Options(s.Kafka, s.Group, w.log), Group: s.Group, Topics: f.topics, Concurrency: s.Concurrency,
		RetryFor: s.RetryFor, Grace: s.Grace, Handler: f.handle, Metrics: w.metrics, Log: w.log, Tracer: w.tracer,
	}
}

func newEmail(ctx context.Context, s *settings.Email, w *worker) (*follower, error) {
	smtp, err := mailer.NewSMTP(s.Mail)
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	shards, err := connectShards(ctx, s.Database, "scalestack-email", w)
	if err != nil {
		return nil, err
	}
	return &follower{email.New(shards, smtp).Handle, []string{events.UserTopic}, answersFrom(shards, "inbox", "users"), shards.Close}, nil
}

func newAnalytics(ctx context.Context, s *settings.Analytics, w *worker) (*follower, error) {
	shards, err := connectShards(ctx, s.Database, "scalestack-analytics", w)
	if err != nil {
		return nil, err
	}
	return &follower{analytics.New(shards).Handle, []string{events.UserTopic, events.ProductTopic}, answersFrom(shards, "inbox", "activity"), shards.Close}, nil
}

func newInvalidate(s *settings.Invalidate, w *worker) (*follower, error) {
	servers := profilecache.NewServers(s.Redis, w.metrics, w.log)
	w.tracer.Redis(servers.Clients()...)
	// It only marks: the lives of what others store do not matter here.
	cache := profilecache.New(servers, profilecache.Options{FillTimeout: s.FillTimeout, Metrics: w.metrics, Log: w.log})
	return &follower{invalidate.Handler(cache), []string{events.UserTopic}, cacheMayBeDown, func() { _ = servers.Close() }}, nil
}

// answersFrom asks for the tables that the work needs: another's would be refused.
func answersFrom(shards *router.Router, tables ...string) func(context.Context) error {
	return func(ctx context.Context) error { return reach.Tables(ctx, shards, tables...) }
}

// cacheMayBeDown is the rule for all that use it.
func cacheMayBeDown(context.Context) error { return nil }

// connectShards connects when a shard is used: one that is down holds up only its
// own users' events.
func connectShards(ctx context.Context, s settings.Database, name string, w *worker) (*router.Router, error) {
	options := s.Shards.As(name)
	options.Pool, options.StatementTimeout, options.Metrics, options.Log = s.Pool, s.StatementTimeout, w.metrics, w.log
	options.Trace = w.tracer.Router()
	shards, err := openShards(ctx, options)
	if err != nil {
		return nil, err
	}
	// Until the end of the process: what has begun may still follow a bucket.
	go shards.Follow(context.WithoutCancel(ctx), followEvery)
	return shards, nil
}
