package stack

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-random/sdk/v4/go/random"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/cdn"
	"github.com/scalestack/scalestack/components/job"
	"github.com/scalestack/scalestack/components/kafka"
	"github.com/scalestack/scalestack/components/namespace"
	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/components/redis"
	"github.com/scalestack/scalestack/components/service"
)

// The names of the components. The names of their objects begin with them.
const (
	baseName     = "base"
	postgresName = "postgres"
	redisName    = "redis"
	kafkaName    = "kafka"
	cdnName      = "cdn"
)

// providerName is the name of the Kubernetes provider.
const providerName = "kubernetes"

// deployment is one run of the program.
type deployment struct {
	*Config
	ctx *pulumi.Context
	// on selects the cluster and the source of passwords.
	on      pulumi.ResourceOption
	wired   wiring
	outputs pulumi.Map
	// urls and autoscalers of the services with a port, by key.
	urls        pulumi.StringMap
	autoscalers map[string]pulumi.Resource
	// cloudflare is the provider for the edge, the tunnel and the gateway's record; nil
	// without any of them.
	cloudflare pulumi.ProviderResource
	// rolledOut are the Deployments that use the shards, with their autoscalers. Once
	// they are done, every pod has the current map, and there are no more pods than
	// intended.
	rolledOut []pulumi.Resource
}

// deploy registers everything and returns the stack's outputs. The roots of the graph
// are the providers and the components; every other resource has a component as its
// parent.
func deploy(ctx *pulumi.Context, c *Config) (pulumi.Map, error) {
	on, err := providers(ctx, c)
	if err != nil {
		return nil, err
	}
	d := &deployment{Config: c, ctx: ctx, on: on, outputs: pulumi.Map{"cluster": pulumi.String(c.clusterID)}}
	for _, step := range []func() error{d.namespace, d.secrets, d.shards, d.cache, d.eventLog, d.products, d.reshard, d.edgeProvider, d.edge, d.tunnel, d.gateway} {
		if err := step(); err != nil {
			return d.outputs, err
		}
	}
	return d.outputs, nil
}

// providers are explicit, so that a project may forbid default ones
// (pulumi:disable-default-providers).
func providers(ctx *pulumi.Context, c *Config) (pulumi.ResourceOption, error) {
	cluster, err := kubernetes.NewProvider(ctx, providerName, providerArgs(c))
	if err != nil {
		return nil, fmt.Errorf("kubernetes provider: %w", err)
	}
	passwords, err := random.NewProvider(ctx, "random", nil)
	if err != nil {
		return nil, fmt.Errorf("random provider: %w", err)
	}
	return pulumi.Providers(cluster, passwords), nil
}

// providerArgs sets what the stack relies on. A ConfigMap or Secret whose data changes
// is updated in place instead of replaced, which would remove it for a moment.
// Server-side apply adopts what a destroy has retained.
//
// With the cluster's identity the provider stays the same under any address, name or CA
// of the cluster; without it, a change of any of these replaces every object. The last
// two settings keep variables of the caller's shell from dropping objects of a cluster
// that does not answer.
func providerArgs(c *Config) *kubernetes.ProviderArgs {
	args := &kubernetes.ProviderArgs{
		EnableConfigMapMutable: pulumi.Bool(true),
		EnableSecretMutable:    pulumi.Bool(true),
		EnableServerSideApply:  pulumi.Bool(true),
		ClusterIdentifier:      pulumi.String(c.clusterID),
		DeleteUnreachable:      pulumi.Bool(false),
		SkipUpdateUnreachable:  pulumi.Bool(false),
	}
	target := c.target()
	switch {
	case c.renders():
		// With a kubeconfig the provider refuses to render. Without any value the SDK
		// uses the shell's.
		args.RenderYamlToDirectory, args.Kubeconfig = pulumi.String(c.Kubernetes.RenderTo), pulumi.String("")
		return args
	case target.Inline():
		args.Kubeconfig = pulumi.ToSecret(pulumi.String(target.Kubeconfig)).(pulumi.StringOutput)
	case target.Kubeconfig != "":
		args.Kubeconfig = pulumi.String(target.Kubeconfig)
	}
	if target.Context != "" {
		args.Context = pulumi.String(target.Context)
	}
	return args
}

// namespace also registers the shard map, and who may connect to what.
func (d *deployment) namespace() error {
	ns, err := namespace.New(d.ctx, baseName, &namespace.Args{Name: d.Namespace, Annotations: d.namespaceMarks}, d.on)
	if err != nil {
		return err
	}
	m, err := d.shardMap()
	if err != nil {
		return fmt.Errorf("shard map: %w", err)
	}
	encoded, err := m.Encode()
	if err != nil {
		return fmt.Errorf("shard map: %w", err)
	}
	d.wired.namespace = ns.Name
	d.outputs["namespace"] = ns.Name
	if d.wired.shardMap, err = ns.AddFile(d.ctx, baseName, shardMapName, shardMapKey, string(encoded)); err != nil {
		return err
	}
	d.outputs["shardMap"] = mapOutput(m, d.wired.shardMap)
	return d.open(ns)
}

// shards registers the shards and the services' roles on them.
func (d *deployment) shards() error {
	args := d.postgresArgs(d.wired.namespace)
	args.Opened = d.wired.opened.to(postgresName)
	made, err := postgres.New(d.ctx, postgresName, args, d.on)
	if err != nil {
		return err
	}
	var hosts []pulumi.StringInput
	var out pulumi.Array
	administrators := map[string]pulumi.StringMap{}
	for _, shard := range made.Shards {
		if d.hasFormerPasswords() {
			administrators[shard.Name] = shard.Logins
		}
		hosts = append(hosts, shard.Host)
		out = append(out, pulumi.Map{
			"name": pulumi.String(shard.Name), "host": shard.Host, "drained": pulumi.Bool(shard.Drained),
		})
	}
	d.outputs["shards"] = out
	roles, err := postgres.NewRoles(d.ctx, rolesName, &postgres.RolesArgs{
		Namespace: d.wired.namespace, Spec: d.roles(), Unnumbered: d.unnumberedRotation, Administrators: administrators,
		Prepare: func(secret pulumi.StringOutput) ([]pulumi.Resource, error) { return d.prepare(secret, hosts) },
	}, d.on)
	if err != nil {
		return err
	}
	d.wired.roles, d.wired.shardLogins = roles.Secret, roles.Logins
	return nil
}

// prepare registers the Job that makes the databases shards with the services' roles.
// Users of the shards depend on it.
func (d *deployment) prepare(roles pulumi.StringOutput, hosts []pulumi.StringInput) ([]pulumi.Resource, error) {
	args := d.migrateArgs(d.wired.namespace, after(d.wired.shardMap, hosts...), roles)
	args.After = d.wired.opened.of(migrateName)
	prepared, err := job.New(d.ctx, migrateName, args, d.on)
	if err != nil {
		return nil, err
	}
	d.wired.prepared = []pulumi.Resource{prepared.Object()}
	return d.wired.prepared, nil
}

func (d *deployment) cache() error {
	args := d.redisArgs(d.wired.namespace)
	for number := range args.Servers() {
		args.Opened = append(args.Opened, d.wired.opened.to(redis.ServerName(redisName, number))...)
	}
	made, err := redis.New(d.ctx, redisName, args, d.on)
	if err != nil {
		return err
	}
	d.wired.redisAddress, d.wired.redisSecret = made.Address, made.AppSecret
	d.outputs["redisAddress"] = made.Address
	return nil
}

func (d *deployment) eventLog() error {
	args := d.kafkaArgs(d.wired.namespace)
	args.Opened = d.wired.opened.to(kafkaName)
	if !d.renders() {
		args.Names = d.names
	}
	made, err := kafka.New(d.ctx, kafkaName, args, d.on)
	if err != nil {
		return err
	}
	d.wired.kafkaBootstrap, d.wired.kafkaCA = made.Bootstrap, made.CASecret
	d.wired.kafkaUsers = map[string]pulumi.StringInput{}
	for _, user := range args.Users {
		d.wired.kafkaUsers[user.Name] = made.UserSecrets.MapIndex(pulumi.String(user.Name))
	}
	d.outputs["kafkaBootstrap"] = made.Bootstrap
	return nil
}

// products registers the services, those with a migration first: the others may use
// what these migrate.
func (d *deployment) products() error {
	d.urls, d.autoscalers = pulumi.StringMap{}, map[string]pulumi.Resource{}
	keys := slices.Sorted(maps.Keys(d.Services))
	slices.SortStableFunc(keys, func(a, b string) int { return rank(d.Services[a]) - rank(d.Services[b]) })
	for _, key := range keys {
		s := d.Services[key]
		args := d.serviceArgs(s, d.wired)
		args.Look = d.look
		made, err := service.New(d.ctx, s.Name, args, d.on)
		if err != nil {
			return err
		}
		if s.Port != 0 {
			d.urls[key], d.autoscalers[key] = made.URL, made.Autoscaler()
		}
		if s.Uses.Shards == nil {
			continue
		}
		d.rolledOut = append(d.rolledOut, made.Deployment(), made.Autoscaler())
		if s.Migration != nil {
			d.wired.prepared = append(d.wired.prepared, made.Deployment())
		}
	}
	d.outputs["services"] = d.urls
	return nil
}

func rank(s Service) int {
	if s.Migration != nil {
		return 0
	}
	return 1
}

// reshard starts once every service knows the map and has its credentials, and no
// earlier pod with more connections is left.
func (d *deployment) reshard() error {
	args := d.reshardArgs(d.wired.namespace, d.wired.shardMap, d.wired.roles)
	args.After = slices.Concat(d.wired.opened.of(reshardName), d.wired.prepared, d.rolledOut)
	_, err := job.New(d.ctx, reshardName, args, d.on)
	return err
}

// edgeProvider registers the Cloudflare provider if something needs it.
func (d *deployment) edgeProvider() (err error) {
	if d.CDN != nil || d.Tunnel != nil || d.Gateway.hasRecord() {
		d.cloudflare, err = cdn.NewProvider(d.ctx, "cloudflare")
	}
	return err
}

// edge configures the zone, if there is one.
func (d *deployment) edge() error {
	d.outputs["cdnRules"] = pulumi.Array{}
	if d.CDN == nil {
		return nil
	}
	args := d.CDN.Args
	zone, err := cdn.New(d.ctx, cdnName, &args, pulumi.Providers(d.cloudflare))
	if err != nil {
		return err
	}
	d.outputs["cdnRules"] = zone.Rules
	return nil
}
