package stack

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/kafka"
	"github.com/scalestack/scalestack/components/namespace"
	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/components/service"
)

// Check reports mistakes between sections. A section with mistakes of its own is left
// out, see [Load].
func (c *Config) Check(_ *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, one := range []struct {
		check func() field.ErrorList
		needs []string
	}{
		{c.checkTarget, []string{"kubernetes"}},
		{c.checkShards, []string{"postgres"}},
		{c.checkImages, []string{"services"}},
		{c.checkLocalImages, []string{"services", "postgres"}},
		{c.checkNames, []string{"services"}},
		{c.checkKafka, []string{"services", "kafka"}},
		{c.checkNodes, []string{"kafka"}},
		{c.checkGroups, []string{"services"}},
		{c.checkSharedGroups, []string{"services"}},
		{c.checkPartitions, []string{"services", "kafka"}},
		{c.checkTables, []string{"services"}},
		{c.checkConnections, []string{"services", "postgres"}},
		{c.checkTriggers, []string{"services", "keda", "kafka"}},
		{c.checkAuth, []string{"services"}},
		{c.checkSecrets, []string{"services", "secrets", "externalSecrets", "kubernetes", "postgres", "redis"}},
		{c.checkBackup, []string{"postgres", "secrets", "externalSecrets"}},
		{c.checkEdge, []string{"services", "cdn"}},
		{c.checkTunnel, []string{"services", "cdn", "tunnel"}},
		{c.checkGateway, []string{"services", "secrets", "externalSecrets", "kubernetes", "cdn", "tunnel", "gateway"}},
	} {
		if !slices.ContainsFunc(one.needs, func(name string) bool { return c.doubtful[name] }) {
			errs = append(errs, one.check()...)
		}
	}
	return errs
}

// labStack is the stack of the lab. Its passphrase is public, and it deploys to the
// cluster of the current context.
const labStack = "dev"

// checkTarget refuses to deploy to whichever cluster was used last.
func (c *Config) checkTarget() field.ErrorList {
	if c.stack == labStack || c.renders() || c.Kubernetes.Context != "" || c.Kubernetes.Cluster != "" {
		return nil
	}
	return field.ErrorList{field.Required(sectionPath("kubernetes").Child("context"),
		"a context of the kubeconfig, or the identity of its cluster in kubernetes.cluster: a stack other than "+labStack+" names its cluster")}
}

// checkImages resolves the images that services take from other services.
func (c *Config) checkImages() field.ErrorList {
	var errs field.ErrorList
	for _, key := range slices.Sorted(maps.Keys(c.Services)) {
		s, path := c.Services[key], servicePath(key)
		from, known := c.Services[s.ImageFrom]
		switch {
		case s.ImageFrom == "" && s.Image == nil:
			errs = append(errs, field.Required(path.Child("image"), "an image with a tag other than latest, or a digest; or imageFrom"))
		case s.ImageFrom != "" && !known:
			errs = append(errs, field.NotFound(path.Child("imageFrom"), s.ImageFrom))
		case s.ImageFrom != "" && from.ImageFrom != "":
			errs = append(errs, field.Invalid(path.Child("imageFrom"), s.ImageFrom, "must be a service with an image of its own"))
		case s.ImageFrom != "" && s.Image != from.Image:
			errs = append(errs, field.Forbidden(path.Child("image"), "is given together with imageFrom"))
		}
	}
	return errs
}

// checkNames refuses two owners of one object: services with the same name, or with a
// name that another component's object could have.
func (c *Config) checkNames() field.ErrorList {
	var errs field.ErrorList
	openings := c.openings()
	for _, key := range slices.Sorted(maps.Keys(c.Services)) {
		path, name := servicePath(key), c.Services[key].Name
		if name != key {
			path = path.Child("name")
		}
		errs = append(errs, service.CheckName(path, name)...)
		for _, prefix := range c.reserved() {
			if name == prefix || strings.HasPrefix(name, prefix+"-") {
				errs = append(errs, field.Invalid(path, name, "may be the name of an object of component "+prefix))
			}
		}
		for _, o := range openings {
			if o.name == name {
				errs = append(errs, field.Invalid(path, name, fmt.Sprintf("is the name of the policy that lets %s connect to %s", o.client, o.target)))
			}
		}
		// Every pod without an account of its own has the one called default.
		if name == namespace.DenyName || name == "default" {
			errs = append(errs, field.Invalid(path, name, "is the name of an object of the namespace"))
		}
		for _, other := range c.services() {
			if slices.Contains(other.Others(other.Name), name) {
				errs = append(errs, field.Invalid(path, name, "is the name of an object of service "+other.Name))
			}
		}
		if other := c.named(name, key); other != "" {
			errs = append(errs, field.Invalid(path, name, "is the name of the objects of service "+other))
		}
	}
	return errs
}

// named returns another service with this name, for the message about the service with
// this key: the one that has the name as its key, or else the first one.
func (c *Config) named(name, key string) string {
	if _, own := c.Services[name]; own && c.Services[name].Name == name {
		if key == name {
			return ""
		}
		return name
	}
	for _, other := range slices.Sorted(maps.Keys(c.Services)) {
		if c.Services[other].Name == name && other < key {
			return other
		}
	}
	return ""
}

// checkKafka refuses a configured user with a service's name, and services that would
// wait for users that nobody waits for.
func (c *Config) checkKafka() field.ErrorList {
	var errs field.ErrorList
	for _, s := range c.services() {
		if !s.usesKafka() {
			continue
		}
		if wait := c.Kafka.WaitReady; wait != nil && !*wait {
			errs = append(errs, field.Invalid(sectionPath("kafka").Child("waitReady"), false,
				"must be true: services that use topics cannot start before their users exist"))
			break
		}
	}
	for i, user := range c.Kafka.Users {
		for key, s := range c.Services {
			if user.Name == s.Name && s.usesKafka() {
				errs = append(errs, field.Invalid(sectionPath("kafka").Child("users").Index(i).Child("name"), user.Name,
					"is the user of service "+key))
			}
		}
	}
	return errs
}

// checkNodes refuses pools that the cluster of this name cannot have.
func (c *Config) checkNodes() field.ErrorList {
	return c.Kafka.CheckNodes(sectionPath("kafka"), kafkaName)
}

// checkPartitions refuses consumers that would never get a message.
func (c *Config) checkPartitions() field.ErrorList {
	var errs field.ErrorList
	for _, key := range slices.Sorted(maps.Keys(c.Services)) {
		s := c.Services[key]
		if s.Uses.Consume == nil {
			continue
		}
		for _, name := range s.Uses.Consume.Topics {
			if partitions := c.partitions(name); s.Replicas.Max > partitions {
				errs = append(errs, field.Invalid(servicePath(key).Child("replicas", "max"), s.Replicas.Max,
					fmt.Sprintf("must be at most the %d partitions of topic %s: one more consumer has no work", partitions, name)))
			}
		}
	}
	return errs
}

func (c *Config) partitions(topic string) int {
	if i := slices.IndexFunc(c.Kafka.Topics, func(t kafka.Topic) bool { return t.Name == topic }); i >= 0 {
		return c.Kafka.Topics[i].Partitions
	}
	return kafka.DefaultPartitions
}

// checkConnections compares the pools of all pods, including those that a rollout adds,
// with what each shard accepts.
func (c *Config) checkConnections() field.ErrorList {
	need, terms := postgres.ReservedConnections, []string{}
	for _, key := range slices.Sorted(maps.Keys(c.Services)) {
		s := c.Services[key]
		if !s.hasPool() {
			continue
		}
		pods := service.MaxPodsDuringRollout(s.Replicas.Max)
		need += s.connections()
		terms = append(terms, fmt.Sprintf("%s %d × %d pods (replicas.max %d and %d more during a rollout)",
			key, s.Uses.Shards.Pool, pods, s.Replicas.Max, pods-s.Replicas.Max))
	}
	if need <= c.Postgres.MaxConnections {
		return nil
	}
	return field.ErrorList{field.Invalid(sectionPath("postgres").Child("maxConnections"), c.Postgres.MaxConnections,
		fmt.Sprintf("must be at least %d: %s, and %d reserved for administration and replication",
			need, strings.Join(terms, ", "), postgres.ReservedConnections))}
}

func (c *Config) checkEdge() field.ErrorList {
	var errs field.ErrorList
	allowed := 0
	for _, key := range slices.Sorted(maps.Keys(c.Services)) {
		if !c.Services[key].AllowEdge {
			continue
		}
		allowed++
		if c.CDN == nil {
			errs = append(errs, field.Forbidden(servicePath(key).Child("allowEdge"), "needs cdn.enabled: no edge would connect"))
		}
	}
	if c.edgeRangesGiven && allowed == 0 {
		errs = append(errs, field.Forbidden(sectionPath("cdn").Child("edgeRanges"), "is used by no service: none has allowEdge"))
	}
	return errs
}
