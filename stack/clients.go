package stack

import (
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/kafka"
	"github.com/scalestack/scalestack/components/redis"
)

func (c *Config) redisArgs(namespace pulumi.StringInput) *redis.Args {
	a := c.Redis
	a.Namespace, a.Resolvers = namespace, c.Kubernetes.Resolvers
	if a.Exporter != nil {
		e := *a.Exporter
		e.PullSecret, e.MetricsFrom = c.Kubernetes.PullSecret, slices.Concat(e.MetricsFrom, c.Metrics.Scrapers)
		a.Exporter = &e
	}
	return &a
}

// kafkaArgs adds the services' users to the configured ones.
func (c *Config) kafkaArgs(namespace pulumi.StringInput) *kafka.Args {
	a := c.Kafka
	a.Namespace, a.PullSecret, a.Users = namespace, c.Kubernetes.PullSecret, slices.Clone(a.Users)
	a.Resolvers, a.APIServers = c.Kubernetes.Resolvers, c.Kubernetes.APIServers
	for _, s := range c.services() {
		if s.usesKafka() {
			a.Users = append(a.Users, s.kafkaUser())
		}
		if s.watchesLag() {
			a.Users = append(a.Users, s.lagUser())
		}
	}
	a.IngressFrom = c.withKEDA(a.IngressFrom)
	return &a
}
