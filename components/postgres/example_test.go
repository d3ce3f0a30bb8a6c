package postgres_test

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/postgres"
)

// Two protected shards that the pods labelled app=shop may use.
func Example() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		shards, err := postgres.New(ctx, "orders", &postgres.Args{
			Namespace:      pulumi.String("shop"),
			Shards:         []int{0, 1},
			Storage:        postgres.Storage{Size: "100Gi", Class: pulumi.String("ssd")},
			Resources:      k8s.Resources{CPURequest: "2", Memory: "8Gi"},
			MaxConnections: 300,
			IngressFrom:    []k8s.Peer{{Pods: pulumi.StringMap{"app": pulumi.String("shop")}}},
			Protect:        true,
		})
		if err != nil {
			return err
		}
		for _, shard := range shards.Shards {
			ctx.Export(shard.Name, shard.Host)
		}
		return nil
	})
}
