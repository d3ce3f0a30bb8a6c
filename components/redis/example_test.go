package redis_test

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/redis"
)

// A cache of 1 GiB that the pods labelled app=shop may use for their sessions.
func Example() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		cache, err := redis.New(ctx, "sessions", &redis.Args{
			Namespace:   pulumi.String("shop"),
			Resources:   k8s.Resources{CPURequest: "250m", Memory: "1Gi"},
			KeyPatterns: []string{"session:*"},
			IngressFrom: []k8s.Peer{{Pods: pulumi.StringMap{"app": pulumi.String("shop")}}},
		})
		if err != nil {
			return err
		}
		ctx.Export("redisAddress", cache.Address)
		return nil
	})
}
