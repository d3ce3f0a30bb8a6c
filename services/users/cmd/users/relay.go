package main

import (
	"context"

	"github.com/scalestack/scalestack/services/users/internal/kafkaclient"
	"github.com/scalestack/scalestack/services/users/internal/relay"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"
)

func relayCommand() *cobra.Command {
	return workerCommand("Publish the outboxes of the shards to Kafka",
		"Publishes what serve notes in the outbox of each shard, in order per user. Several relays may run: each shard has one at a time, "+
			"and another one takes over when it dies. It has up to two connections to each shard: one that publishes, and one that asks who owns what.",
		settings.RelayCommand, runRelay)
}

func runRelay(ctx context.Context, s *settings.Relay) error {
	w, err := newWorker(ctx, s.Worker)
	if err != nil {
		return err
	}
	defer w.flush()
	options := s.Shards.As("scalestack-relay")
	options.Pool, options.Log = 1, w.log
	shards, err := router.New(options)
	if err != nil {
		return err
	}
	defer shards.Close()
	client, err := kgo.NewClient(append(kafkaclient.Options(s.Kafka, "relay", w.log), relay.Producer()...)...)
	if err != nil {
		return err
	}
	defer client.Close()
	go shards.Follow(ctx, followEvery)
	publisher := relay.New(relay.Options{
		Map: shards.Map, Connect: options.ConnConfig, Kafka: client, Poll: s.Poll, Batch: s.Batch, Grace: s.Grace,
		InboxRetention: s.Inbox(), Metrics: w.metrics, Log: w.log, Tracer: w.tracer,
	})
	go w.readyOnce(ctx, client, publisher.Answers)
	publisher.Run(ctx)
	w.log.Info("ended")
	return nil
}
