package stack

import (
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/kafka"
	"github.com/scalestack/scalestack/components/redis"
	"github.com/scalestack/scalestack/components/service"
)

// clients are the pods of the services that use something, and of their
// migrations.
func (c *Config) clients(use func(Service) bool) []k8s.Peer {
	var peers []k8s.Peer
	for _, s := range c.services() {
		if !use(s) {
			continue
		}
		peers = append(peers, k8s.Peer{Pods: service.PodLabels(s.Name)})
		if s.Migration != nil && s.Uses.Shards != nil {
			peers = append(peers, k8s.Peer{Pods: service.MigrationLabels(s.Name)})
		}
	}
	return peers
}

func (c *Config) redisArgs(namespace pulumi.StringInput) *redis.Args {
	a := c.Redis
	a.Namespace, a.Resolvers = namespace, c.Kubernetes.Resolvers
	a.IngressFrom = slices.Concat(a.IngressFrom, c.pods(func(s Service) bool { return s.Uses.Cache }))
	if a.Exporter != nil {
		e := *a.Exporter
		e.PullSecret, e.MetricsFrom = c.Kubernetes.PullSecret, slices.Concat(e.MetricsFrom, c.Metrics.Scrapers)
		a.Exporter = &e
	}
	return &a
}

// pods are clients without their migrations.
func (c *Config) pods(use func(Service) bool) []k8s.Peer {
	var peers []k8s.Peer
	for _, s := range c.services() {
		if use(s) {
			peers = append(peers, k8s.Peer{Pods: service.PodLabels(s.Name)})
		}
	}
	return peers
}

// kafkaArgs add the services' users to those that are configured.
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
	a.IngressFrom = c.withKEDA(c.withClients(a.IngressFrom))
	return &a
}

// withClients adds the services that use topics to those who are named. Their Jobs are
// none: nothing gives them a user of Kafka. Without any name every pod of the namespace
// may connect, theirs too.
func (c *Config) withClients(named []k8s.Peer) []k8s.Peer {
	if len(named) == 0 {
		return nil
	}
	return slices.Concat(named, c.pods(Service.usesKafka))
}
