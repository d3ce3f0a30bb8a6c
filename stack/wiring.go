package stack

import (
	"maps"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/kafka"
	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/components/service"
)

// Where a container finds what it uses. docs/services.md documents the folders and the
// variables that name them.
const (
	shardMapFolder    = "/etc/scalestack/shardmap"
	credentialsFolder = "/etc/scalestack/shards"
	shardCAFolder     = "/etc/scalestack/shards-ca"
	redisFolder       = "/etc/scalestack/redis"
	redisCAFolder     = "/etc/scalestack/redis-ca"
	kafkaFolder       = "/etc/scalestack/kafka"
	kafkaCAFolder     = "/etc/scalestack/kafka-ca"
)

// variables are environment variables with their values.
type variables = map[string]pulumi.StringInput

// wiring is what the components provide to the services. Each value is known once what
// it names can be used, so that users come after it.
type wiring struct {
	namespace pulumi.StringInput
	// shardMap is the name of the map's ConfigMap.
	shardMap pulumi.StringInput
	// prepared are the Jobs and Deployments that users of the shards depend on.
	prepared []pulumi.Resource
	// roles is the name of the Secret that describes the services' roles; shardLogins
	// are the Secrets with their logins, by service name.
	roles                     pulumi.StringInput
	shardLogins               pulumi.StringMap
	redisAddress, redisSecret pulumi.StringInput
	kafkaBootstrap, kafkaCA   pulumi.StringInput
	kafkaUsers                map[string]pulumi.StringInput
	// secrets are the configuration's Secrets by name. Their users have the plain name
	// and depend on them with dependsOn: an output would replace the users too.
	secrets map[string]pulumi.Resource
	// opened says who may connect to what.
	opened opened
}

// serviceArgs completes a service's own arguments with what it uses.
func (c *Config) serviceArgs(s Service, w wiring) *service.Args {
	a := s.Args
	a.Namespace, a.After = w.namespace, w.secretsOf(s)
	a.PullSecret, a.Resolvers = c.Kubernetes.PullSecret, c.Kubernetes.Resolvers
	a.BaseEnv = variables{"SCALESTACK_SERVICE": pulumi.String(s.Name)}
	if a.Port != 0 {
		a.BaseEnv["SCALESTACK_LISTEN"] = pulumi.Sprintf(":%d", a.Port)
	}
	c.serveMetrics(&a)
	a.Opened, a.After = w.opened.to(s.Name), slices.Concat(a.After, w.opened.of(s.Name, service.MigrationName(s.Name)))
	if s.Auth != nil {
		maps.Copy(a.BaseEnv, s.Auth.variables())
	}
	if s.Uses.Shards != nil {
		c.connectShards(&a, s, w)
	}
	if s.Uses.Cache {
		c.connectCache(&a, w)
	}
	if s.usesKafka() {
		connectKafka(&a, s, w)
	}
	a.Sources = c.sources(s, w)
	return &a
}

// edgePeers are the address ranges of the CDN.
func (c *Config) edgePeers() []k8s.Peer {
	var peers []k8s.Peer
	for _, cidr := range c.CDN.Ranges() {
		peers = append(peers, k8s.Peer{CIDR: pulumi.String(cidr)})
	}
	return peers
}

// poolVariable is the most connections of one pod to one shard.
const poolVariable = "SCALESTACK_DB_POOL"

// connectShards gives the service its own login, and its migration the owner's
// and a new run whenever the set of shards changes.
func (c *Config) connectShards(a *service.Args, s Service, w wiring) {
	maps.Copy(a.BaseEnv, c.shardVariables())
	if s.hasPool() {
		a.BaseEnv[poolVariable] = pulumi.String(strconv.Itoa(s.Uses.Shards.Pool))
	}
	a.After = slices.Concat(a.After, w.prepared)
	a.Mounts = slices.Concat(a.Mounts, c.shardMounts(w.shardMap, func(shard int) k8s.SecretFiles {
		folder := postgres.ShardName(shard)
		return k8s.SecretFiles{Secret: w.shardLogins[s.Name], Files: map[string]string{"username": folder + "/username", "password": folder + "/password"}}
	}))
	a.EgressTo = slices.Concat(a.EgressTo, []k8s.Target{shardPods()})
	if a.Migration == nil {
		return
	}
	m := *a.Migration
	m.BaseEnv = c.shardVariables()
	m.Mounts = slices.Concat(m.Mounts, c.loginMounts(w.shardMap, postgres.OwnerLogin))
	m.EgressTo = slices.Concat(m.EgressTo, []k8s.Target{shardPods()})
	m.Revision += c.structure()
	a.Migration = &m
}

// cacheVariable lists the cache's servers.
const cacheVariable = "SCALESTACK_REDIS_ADDRESS"

// connectCache says where the cache is and, with TLS, how to verify it.
func (c *Config) connectCache(a *service.Args, w wiring) {
	maps.Copy(a.BaseEnv, variables{
		cacheVariable:                  w.redisAddress,
		"SCALESTACK_REDIS_CREDENTIALS": pulumi.String(redisFolder),
	})
	a.Mounts = slices.Concat(a.Mounts, []k8s.Mount{{Name: "redis", Path: redisFolder, Secret: w.redisSecret}})
	a.EgressTo = slices.Concat(a.EgressTo, []k8s.Target{c.cacheTarget(0)})
	if c.Redis.TLS != nil {
		a.BaseEnv["SCALESTACK_REDIS_CA"] = pulumi.String(redisCAFolder + "/" + k8s.AuthorityKey)
		a.Mounts = append(a.Mounts, c.Redis.TLS.Authority(redisName, "redis-ca", redisCAFolder))
	}
}

// connectKafka trusts every certificate of the cluster's authority: after its key was
// replaced there are two.
func connectKafka(a *service.Args, s Service, w wiring) {
	maps.Copy(a.BaseEnv, variables{
		"SCALESTACK_KAFKA_BOOTSTRAP":   w.kafkaBootstrap,
		"SCALESTACK_KAFKA_CA":          pulumi.String(kafkaCAFolder),
		"SCALESTACK_KAFKA_USER":        pulumi.String(s.Name),
		"SCALESTACK_KAFKA_CREDENTIALS": pulumi.String(kafkaFolder),
	})
	if consume := s.Uses.Consume; consume != nil {
		a.BaseEnv["SCALESTACK_KAFKA_GROUP"] = pulumi.String(consume.Group)
	}
	a.Mounts = slices.Concat(a.Mounts, []k8s.Mount{
		files("kafka", kafkaFolder, w.kafkaUsers[s.Name], "password"),
		{Name: "kafka-ca", Path: kafkaCAFolder, Secret: w.kafkaCA},
	})
	a.EgressTo = slices.Concat(a.EgressTo, []k8s.Target{{Peer: k8s.Peer{Pods: kafka.BrokerLabels(kafkaName)}, Port: kafka.Port}})
}

// files mounts some keys of a Secret under their own names.
func files(name, path string, secret pulumi.StringInput, keys ...string) k8s.Mount {
	byKey := map[string]string{}
	for _, key := range keys {
		byKey[key] = key
	}
	return k8s.Mount{Name: name, Path: path, Secrets: []k8s.SecretFiles{{Secret: secret, Files: byKey}}}
}

// shardVariables say where the shard map and the credentials are and, with TLS, how to
// verify the shards.
func (c *Config) shardVariables() variables {
	all := variables{
		"SCALESTACK_SHARD_MAP":         pulumi.String(shardMapFolder + "/" + shardMapKey),
		"SCALESTACK_SHARD_CREDENTIALS": pulumi.String(credentialsFolder),
	}
	if c.Postgres.TLS != nil {
		all["SCALESTACK_DB_SSLMODE"] = pulumi.String("verify-full")
		all["SCALESTACK_DB_SSLROOTCERT"] = pulumi.String(shardCAFolder + "/" + k8s.AuthorityKey)
	}
	return all
}

// shardMounts are what a client of the shards needs: the map, its credentials for each
// shard and, with TLS, the authorities of the shards' certificates.
func (c *Config) shardMounts(shardMap pulumi.StringInput, of func(shard int) k8s.SecretFiles) []k8s.Mount {
	credentials := k8s.Mount{Name: "shard-credentials", Path: credentialsFolder}
	for _, id := range c.shardIDs() {
		credentials.Secrets = append(credentials.Secrets, of(id))
	}
	mounts := []k8s.Mount{mapMount(shardMap), credentials}
	if c.Postgres.TLS != nil {
		mounts = append(mounts, postgres.AuthorityMount(postgresName, c.Postgres.TLS, shardCAFolder))
	}
	return mounts
}

// loginMounts are those of a client that has a login of the shards themselves. After a
// rotation they include the former passwords, for servers that do not have the new one
// yet. The Secrets' names are known without the shards; the shard map is what waits for them.
func (c *Config) loginMounts(shardMap pulumi.StringInput, login string) []k8s.Mount {
	return c.shardMounts(shardMap, func(shard int) k8s.SecretFiles {
		return k8s.SecretFiles{
			Secret: pulumi.String(postgres.SecretName(postgresName, shard, postgres.AdminCredentials)),
			Files:  postgres.LoginFiles(login, postgres.ShardName(shard), c.hasFormerPasswords()),
		}
	})
}

func mapMount(configMap pulumi.StringInput) k8s.Mount {
	return k8s.Mount{Name: "shard-map", Path: shardMapFolder, ConfigMap: configMap}
}

func shardPods() k8s.Target {
	return k8s.Target{Peer: k8s.Peer{Pods: postgres.PodLabels(postgresName)}, Port: postgres.Port}
}

// after is value, known once the others are.
func after(value pulumi.StringInput, others ...pulumi.StringInput) pulumi.StringOutput {
	all := []any{value}
	for _, other := range others {
		all = append(all, other)
	}
	return pulumi.All(all...).ApplyT(func(values []any) string { return values[0].(string) }).(pulumi.StringOutput)
}
