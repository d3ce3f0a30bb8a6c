package kafka_test

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/kafka"
)

// Three controllers and three brokers, with one topic, its producer and one
// group of consumers.
func Example() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		events, err := kafka.New(ctx, "events", &kafka.Args{
			Operator: kafka.Operator{Mode: kafka.Install},
			RackKey:  pulumi.String("topology.kubernetes.io/zone"),
			Topics:   []kafka.Topic{{Name: "user_events", Partitions: 24}},
			Users: []kafka.User{
				{Name: "relay", Produce: []string{"user_events"}},
				{Name: "email", Consume: []string{"user_events"}, Group: "email", MaxConsumers: 10},
			},
		})
		if err != nil {
			return err
		}
		ctx.Export("bootstrap", events.Bootstrap)
		return nil
	})
}

// The same on a laptop: one node that is controller and broker.
func Example_oneNode() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		_, err := kafka.New(ctx, "events", &kafka.Args{
			Pools: []kafka.Pool{{
				Name:      "dual",
				Roles:     []kafka.Role{kafka.Controller, kafka.Broker},
				Replicas:  1,
				Storage:   kafka.Storage{Size: "1Gi"},
				Resources: k8s.Resources{CPURequest: "100m", CPULimit: "1", Memory: "768Mi"},
			}},
			Topics: []kafka.Topic{{Name: "user_events", Partitions: 3}},
		})
		return err
	})
}
