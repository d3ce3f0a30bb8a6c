package stack

import (
	"fmt"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/app"
	"github.com/scalestack/scalestack/components/base"
	"github.com/scalestack/scalestack/components/cdn"
	"github.com/scalestack/scalestack/components/kafka"
	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/components/redis"
)

// deploy registers everything and returns the stack's outputs. The roots of the graph are the provider and the
// components; every other resource has a component as its parent.
func deploy(ctx *pulumi.Context, c *Config) (pulumi.Map, error) {
	cluster, err := kubernetes.NewProvider(ctx, "kubernetes", providerArgs(c))
	if err != nil {
		return nil, fmt.Errorf("kubernetes provider: %w", err)
	}
	on := pulumi.Providers(cluster)
	args, err := c.baseArgs()
	if err != nil {
		return nil, fmt.Errorf("shard map: %w", err)
	}
	ground, err := base.New(ctx, baseName, args, on)
	if err != nil {
		return nil, err
	}
	shards, err := postgres.New(ctx, postgresName, c.postgresArgs(ground.Namespace), on)
	if err != nil {
		return nil, err
	}
	cache, err := redis.New(ctx, redisName, c.redisArgs(ground.Namespace), on)
	if err != nil {
		return nil, err
	}
	events, err := kafka.New(ctx, kafkaName, c.kafkaArgs(ground.Namespace), on)
	if err != nil {
		return nil, err
	}
	wired := wire(ground, shards, cache)
	service, err := app.New(ctx, appName, c.appArgs(wired), on)
	if err != nil {
		return nil, err
	}
	following := c.wireEvents(wired, events, service)
	for _, w := range c.workers() {
		if _, err := app.New(ctx, w.name, c.workerArgs(w, following), on); err != nil {
			return nil, err
		}
	}
	rules, err := edge(ctx, c)
	if err != nil {
		return nil, err
	}
	return pulumi.Map{
		"namespace":      ground.Namespace,
		"appUrl":         service.URL,
		"shards":         shardOutputs(shards),
		"shardMap":       pulumi.String(args.ShardMap),
		"redisAddress":   cache.Address,
		"kafkaBootstrap": events.Bootstrap,
		"cdnRules":       rules,
	}, nil
}

// providerArgs asks for what the stack relies on: a ConfigMap or Secret whose
// data changes is updated in place instead of replaced, which would take the
// shard map away for a moment; and server-side apply, which adopts what a
// destroy has retained.
func providerArgs(c *Config) *kubernetes.ProviderArgs {
	args := &kubernetes.ProviderArgs{
		EnableConfigMapMutable: pulumi.Bool(true),
		EnableSecretMutable:    pulumi.Bool(true),
		EnableServerSideApply:  pulumi.Bool(true),
	}
	if c.Kubernetes.Context != "" {
		args.Context = pulumi.String(c.Kubernetes.Context)
	}
	return args
}

// wire hands the app what the other components made. Credentials become known
// only when their shard answers, so that the migration comes after it.
func wire(ground *base.Base, shards *postgres.Postgres, cache *redis.Redis) wiring {
	w := wiring{
		namespace:    ground.Namespace,
		shardMap:     ground.ShardMap,
		redisAddress: cache.Address,
		redisSecret:  cache.AppSecret,
		appSecrets:   map[string]pulumi.StringInput{},
		adminSecrets: map[string]pulumi.StringInput{},
		redisPods:    redis.PodLabels(redisName),
		postgresPods: postgres.PodLabels(postgresName),
	}
	for _, shard := range shards.Shards {
		w.appSecrets[shard.Name] = after(shard.AppSecret, shard.Host)
		w.adminSecrets[shard.Name] = after(shard.AdminSecret, shard.Host)
	}
	return w
}

// wireEvents adds what the event log gave the workers. They come after the app,
// whose migration makes their tables.
func (c *Config) wireEvents(w wiring, events *kafka.Kafka, service *app.App) eventWiring {
	from := eventWiring{wiring: w, bootstrap: events.Bootstrap, authority: events.CASecret, users: map[string]pulumi.StringInput{}}
	for _, one := range c.workers() {
		from.users[one.name] = after(events.UserSecrets.MapIndex(pulumi.String(one.name)), service.Host)
	}
	return from
}

// after is value, known once the other is.
func after(value, other pulumi.StringOutput) pulumi.StringOutput {
	return pulumi.All(value, other).ApplyT(func(both []any) string { return both[0].(string) }).(pulumi.StringOutput)
}

// edge configures the zone, if there is one, and returns its rules.
func edge(ctx *pulumi.Context, c *Config) (pulumi.ArrayOutput, error) {
	if !c.CDN.Enabled {
		return pulumi.Array{}.ToArrayOutput(), nil
	}
	zone, err := cdn.New(ctx, cdnName, c.cdnArgs())
	if err != nil {
		return pulumi.ArrayOutput{}, err
	}
	return zone.Rules, nil
}

func shardOutputs(shards *postgres.Postgres) pulumi.Array {
	var out pulumi.Array
	for _, shard := range shards.Shards {
		out = append(out, pulumi.Map{
			"name": pulumi.String(shard.Name), "host": shard.Host, "drained": pulumi.Bool(shard.Drained),
		})
	}
	return out
}
