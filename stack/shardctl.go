package stack

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/job"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/components/service"
	"github.com/scalestack/scalestack/internal/settings"
)

// The two Jobs that run shardctl: one brings the shards' own schema up to date before
// anything uses it, the other moves buckets once all services know the map.
const (
	migrateName = "shards-migrate"
	reshardName = "shards-reshard"
	// finalExit is the exit code with which shardctl says that another attempt would
	// fail the same way.
	finalExit = 3
)

// shardctlName is the service that watches the shards. People and previews run shardctl
// in its pod, because that reaches the shards where they cannot.
const shardctlName = "shardctl"

// addShardctl adds that service unless it is configured.
func (c *Config) addShardctl() {
	if _, given := c.Services[shardctlName]; given {
		return
	}
	services := maps.Clone(c.Services)
	if services == nil {
		services = map[string]Service{}
	}
	var env map[string]pulumi.StringInput
	if members := c.Postgres.Members; members > 1 {
		env = map[string]pulumi.StringInput{"SCALESTACK_SHARD_MEMBERS": pulumi.String(strconv.Itoa(members))}
	}
	services[shardctlName] = *settings.WithDefaults(&Service{
		Args: service.Args{
			Env:             env,
			Image:           c.Postgres.Shardctl.Image,
			ImagePullPolicy: c.Postgres.Shardctl.ImagePullPolicy,
			Args:            []string{"serve"},
			MetricsPort:     metricsPort,
			Replicas:        service.Replicas{Min: 1, Max: 1},
			Resources:       k8s.Resources{CPURequest: "10m", CPULimit: "200m", Memory: "64Mi"},
		},
		Uses: Uses{Shards: &UsesShards{Pool: 1}},
	})
	c.Services = services
}

// The shard map is a file of the namespace.
const (
	shardMapName = "shard-map"
	shardMapKey  = "map.json"
)

// migrateArgs prepares every shard of the map. The Job waits until the shards are
// ready.
func (c *Config) migrateArgs(namespace, shardMap, roles pulumi.StringInput) *job.Args {
	a := c.shardctlArgs(namespace, shardMap, "migrate")
	a.Retries = 2
	if r := c.Postgres.Restore; r != nil {
		// A restored shard has the services' logins of the time that it was restored
		// to.
		a.Revision += " restored " + r.Name
		if r.FromCluster != "" {
			a.BaseEnv["SCALESTACK_CLONE_OF"] = pulumi.String(r.FromCluster)
		}
	}
	c.giveRoles(a, roles)
	return a
}

// giveRoles mounts the description of the services' roles. The Secret's name changes
// with its description, so the Job's does too.
func (c *Config) giveRoles(a *job.Args, secret pulumi.StringInput) {
	a.Revision += fmt.Sprintf("%+v", c.roles())
	a.BaseEnv["SCALESTACK_ROLES"] = pulumi.String(rolesFolder + "/" + postgres.RolesKey)
	if c.hasFormerPasswords() {
		a.BaseEnv["SCALESTACK_ADMINISTRATORS"] = pulumi.String(rolesFolder + "/" + postgres.AdministratorsKey)
	}
	a.Mounts = append(a.Mounts, k8s.Mount{Name: "roles", Path: rolesFolder, Secret: secret})
}

// reshardArgs retires logins that no service uses any more, lowers the others' limits,
// and moves buckets until every shard owns what the map says. The Job starts again if
// its result could be different; who may read its metrics makes no difference to that.
func (c *Config) reshardArgs(namespace, shardMap, roles pulumi.StringInput) *job.Args {
	a := c.shardctlArgs(namespace, shardMap, "reshard")
	c.giveRoles(a, roles)
	moves := c.movesVariables()
	a.Revision += fmt.Sprint(moves)
	maps.Copy(a.BaseEnv, moves)
	a.BaseEnv["SCALESTACK_METRICS_LISTEN"] = pulumi.Sprintf(":%d", metricsPort)
	a.Port, a.IngressFrom = metricsPort, c.Metrics.Scrapers
	a.FinalExitCodes, a.Retries, a.SkipAwait = []int{finalExit}, 100, true
	return a
}

func (c *Config) shardctlArgs(namespace, shardMap pulumi.StringInput, command string) *job.Args {
	return &job.Args{
		Namespace:       namespace,
		Image:           c.Postgres.Shardctl.Image,
		ImagePullPolicy: c.Postgres.Shardctl.ImagePullPolicy,
		PullSecret:      c.Kubernetes.PullSecret,
		Resolvers:       c.Kubernetes.Resolvers,
		Args:            []string{command},
		Revision:        c.structure(),
		BaseEnv:         c.shardVariables(),
		Mounts:          c.loginMounts(shardMap, postgres.MoverLogin),
		EgressTo:        []k8s.Target{shardPods()},
	}
}

// movesVariables returns the mover's settings.
func (c *Config) movesVariables() variables {
	volume, _ := k8s.Bytes(c.Postgres.Storage.Size)
	return variables{
		"SCALESTACK_RESHARD_BATCH":    pulumi.String(strconv.Itoa(c.Postgres.Moves.Batch)),
		"SCALESTACK_RESHARD_PARALLEL": pulumi.String(strconv.Itoa(c.Postgres.Moves.Parallel)),
		"SCALESTACK_RESHARD_OBSERVE":  pulumi.String(strconv.Itoa(c.Postgres.Moves.Observe) + "s"),
		"SCALESTACK_RESHARD_VOLUME":   pulumi.String(strconv.FormatInt(volume, 10)),
	}
}

// structure changes whenever the map could.
func (c *Config) structure() string {
	text := fmt.Sprintf("%+v", c.spec())
	if len(c.Postgres.Gone) > 0 {
		text += fmt.Sprintf(" gone %v", slices.Sorted(slices.Values(c.Postgres.Gone)))
	}
	return text
}

// postgresArgs adds the shards.
func (c *Config) postgresArgs(namespace pulumi.StringInput) *postgres.Args {
	a := c.Postgres.Args
	a.Namespace, a.Shards, a.Drained, a.PullSecret = namespace, c.shardIDs(), c.drainedIDs(), c.Kubernetes.PullSecret
	a.PasswordRotation, a.Unfinished = c.Postgres.PasswordRotation, c.unfinishedRotations
	a.LocalSuperuser = c.localSuperuser
	a.New, a.Resolvers, a.APIServers = c.newShards, c.Kubernetes.Resolvers, c.Kubernetes.APIServers
	if a.Exporter != nil {
		e := *a.Exporter
		e.PullSecret, e.MetricsFrom = c.Kubernetes.PullSecret, slices.Concat(e.MetricsFrom, c.Metrics.Scrapers)
		a.Exporter = &e
	}
	if a.Backup != nil {
		b := *a.Backup
		b.Archive, b.MetricsFrom = cmp.Or(c.shardsName, c.Namespace), slices.Concat(b.MetricsFrom, c.Metrics.Scrapers)
		a.Backup = &b
	}
	return &a
}
