package stack

import (
	"maps"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/app"
	"github.com/scalestack/scalestack/components/base"
	"github.com/scalestack/scalestack/components/cdn"
	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/components/redis"
)

// Names of the components, and so of their objects.
const (
	baseName     = "base"
	postgresName = "postgres"
	redisName    = "redis"
	kafkaName    = "kafka"
	appName      = "app"
	cdnName      = "cdn"
)

const appPort = 8080

// Where the workload finds what it needs; see its settings.
const (
	shardMapFolder    = "/etc/scalestack/shardmap"
	credentialsFolder = "/etc/scalestack/shards"
	redisFolder       = "/etc/scalestack/redis"
)

func (c *Config) postgresArgs(namespace pulumi.StringInput) *postgres.Args {
	p := c.Postgres
	return &postgres.Args{
		Namespace:        namespace,
		Shards:           c.shardIDs(),
		Drained:          p.Drain,
		Image:            c.Images.Postgres,
		ImagePullPolicy:  c.Images.PullPolicy,
		Storage:          postgres.Storage{Size: p.Storage.Size, Class: p.Storage.Class},
		Resources:        postgres.Resources(p.Resources),
		MaxConnections:   p.MaxConnections,
		Settings:         p.Settings,
		Callers:          c.databaseCallers(),
		PasswordRotation: p.PasswordRotation,
		Protect:          p.Protect,
		Disruption:       postgres.Disruption(p.Disruption),
		Rollout:          postgres.Rollout(p.Rollout),
		ZoneSpread:       p.ZoneSpread,
	}
}

func (c *Config) databaseCallers() []postgres.Peer {
	return append(adminPeers(), c.callersThat(func(w worker) bool { return w.pool > 0 })...)
}

func (c *Config) cacheCallers() []redis.Peer {
	return c.callersThat(func(w worker) bool { return w.cache })
}

// callersThat are the app and the workers that call.
func (c *Config) callersThat(call func(worker) bool) []app.Peer {
	callers := []app.Peer{{Pods: app.PodLabels(appName)}}
	for _, w := range c.workers() {
		if call(w) {
			callers = append(callers, app.Peer{Pods: app.PodLabels(w.name)})
		}
	}
	return callers
}

func (c *Config) redisArgs(namespace pulumi.StringInput) *redis.Args {
	r := c.Redis
	return &redis.Args{
		Namespace:        namespace,
		Image:            c.Images.Redis,
		ImagePullPolicy:  c.Images.PullPolicy,
		Resources:        redis.Resources(r.Resources),
		MaxMemoryPercent: r.MaxMemoryPercent,
		EvictionPolicy:   r.EvictionPolicy,
		MaxClients:       r.MaxClients,
		Callers:          c.cacheCallers(),
		PasswordRotation: r.PasswordRotation,
	}
}

// wiring is what the app gets from the other components.
type wiring struct {
	namespace, shardMap, redisAddress, redisSecret pulumi.StringInput
	// appSecrets and adminSecrets are each shard's credentials, by shard name.
	appSecrets, adminSecrets map[string]pulumi.StringInput
	redisPods, postgresPods  map[string]string
}

func (w wiring) shards() app.Target {
	return app.Target{Peer: app.Peer{Pods: w.postgresPods}, Port: postgres.Port}
}

func (w wiring) mapMount() app.Mount {
	return app.Mount{Name: "shard-map", Path: shardMapFolder, ConfigMap: w.shardMap}
}

func (w wiring) cache() app.Target {
	return app.Target{Peer: app.Peer{Pods: w.redisPods}, Port: redis.Port}
}

func (w wiring) cacheMount() app.Mount {
	return app.Mount{Name: "redis", Path: redisFolder, Secret: w.redisSecret}
}

func (w wiring) cacheEnv() map[string]pulumi.StringInput {
	return map[string]pulumi.StringInput{
		"SCALESTACK_REDIS_ADDRESS":     w.redisAddress,
		"SCALESTACK_REDIS_CREDENTIALS": pulumi.String(redisFolder),
	}
}

func (c *Config) appArgs(w wiring) *app.Args {
	return &app.Args{
		Namespace:        w.namespace,
		Image:            c.Images.Workload,
		ImagePullPolicy:  c.Images.PullPolicy,
		Args:             []string{"serve"},
		Port:             appPort,
		Env:              c.serveEnv(w),
		Mounts:           []app.Mount{w.mapMount(), credentials(w.appSecrets), w.cacheMount()},
		Resources:        app.Resources(c.App.Resources),
		Replicas:         app.Replicas(c.App.Replicas),
		CPUTargetPercent: c.App.CPUTargetPercent,
		Metrics:          metrics(c.App.Metrics),
		Callers:          c.callers(),
		Targets:          []app.Target{w.shards(), w.cache()},
		Migration:        c.migration(w),
		Followup:         c.followup(w),
	}
}

func shardEnv() map[string]pulumi.StringInput {
	return map[string]pulumi.StringInput{
		"SCALESTACK_SHARD_MAP":         pulumi.String(shardMapFolder + "/" + base.ShardMapKey),
		"SCALESTACK_SHARD_CREDENTIALS": pulumi.String(credentialsFolder),
	}
}

func (c *Config) serveEnv(w wiring) map[string]pulumi.StringInput {
	env := shardEnv()
	maps.Copy(env, c.movesEnv())
	maps.Copy(env, w.cacheEnv())
	maps.Copy(env, map[string]pulumi.StringInput{
		"SCALESTACK_LISTEN":         pulumi.Sprintf(":%d", appPort),
		"SCALESTACK_DB_POOL":        pulumi.String(strconv.Itoa(c.App.Pool)),
		"SCALESTACK_CACHE_TTL":      pulumi.String(strconv.Itoa(c.App.CacheTTL) + "s"),
		"SCALESTACK_SHUTDOWN_GRACE": pulumi.String("20s"),
	})
	return env
}

// credentials mounts <shard name>/username and <shard name>/password.
func credentials(secrets map[string]pulumi.StringInput) app.Mount {
	mount := app.Mount{Name: "shard-credentials", Path: credentialsFolder}
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		mount.Secrets = append(mount.Secrets, app.SecretFiles{
			Secret: secrets[name],
			Files:  map[string]string{"username": name + "/username", "password": name + "/password"},
		})
	}
	return mount
}

func metrics(list []Metric) []app.Metric {
	var out []app.Metric
	for _, m := range list {
		out = append(out, app.Metric{
			Kind: app.MetricKind(m.Kind), Name: m.Name, Labels: m.Labels, Average: m.Average, Total: m.Total,
		})
	}
	return out
}

func peers(list []Peer) []app.Peer {
	var out []app.Peer
	for _, p := range list {
		out = append(out, app.Peer(p))
	}
	return out
}

// callers are those of the app's section and, if it is let in, the edge.
func (c *Config) callers() []app.Peer {
	all := peers(c.App.Callers)
	if c.CDN.AllowEdge {
		for _, cidr := range c.cdnArgs().Ranges() {
			all = append(all, app.Peer{CIDR: cidr})
		}
	}
	return all
}

func (c *Config) cdnArgs() *cdn.Args {
	d := c.CDN
	args := &cdn.Args{
		ZoneID:           d.ZoneID,
		Plan:             cdn.Plan(d.Plan),
		Mode:             cdn.Mode(d.Mode),
		Hostname:         d.Hostname,
		BypassPrefixes:   d.BypassPrefixes,
		BrowserTTL:       &d.BrowserTTL,
		SkipZoneSettings: !d.ZoneSettings,
		SkipTieredCache:  !d.TieredCache,
		Argo:             d.Argo,
		Record:           (*cdn.Record)(d.Record),
		OriginPulls:      (*cdn.OriginPulls)(d.OriginPulls),
		EdgeRanges:       d.EdgeRanges,
	}
	if d.Rules != nil {
		args.Rules = []cdn.Rule{}
	}
	for _, r := range d.Rules {
		args.Rules = append(args.Rules, cdnRule(r))
	}
	return args
}

func cdnRule(r CDNRule) cdn.Rule {
	rule := cdn.Rule{
		Ref: r.Ref, Description: r.Description, Path: r.Path, Extensions: r.Extensions,
		EdgeTTL: r.EdgeTTL, BrowserTTL: r.BrowserTTL, Query: cdn.Query(r.Query), Disabled: r.Disabled,
		RefuseStale: !r.ServeStale, StrongETags: r.StrongETags, SkipArmor: !r.Armor,
	}
	if r.StatusTTLs != nil {
		rule.StatusTTLs = []cdn.StatusTTL{}
	}
	for _, s := range r.StatusTTLs {
		rule.StatusTTLs = append(rule.StatusTTLs, cdn.StatusTTL(s))
	}
	return rule
}
