package stack

import (
	"context"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/job"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/kafka"
	"github.com/scalestack/scalestack/components/namespace"
	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/components/redis"
	"github.com/scalestack/scalestack/components/service"
	"github.com/scalestack/scalestack/components/tunnel"
)

// edgeName is what openings call the CDN.
const edgeName = "edge"

// opening is the connection of one client to one target, with a policy of its own. If
// it were part of the target's policy, a client that is renamed, removed or put behind
// another route would be cut off at the beginning of the update that replaces it, and
// permanently if that update fails.
type opening struct {
	name, client, target string
	namespace.Opening
}

func newOpening(client, target string, o namespace.Opening) opening {
	return opening{client + "-to-" + target, client, target, o}
}

// openings are those between the stack's own parts. Peers named in an ingressFrom are
// in the target's policy.
func (c *Config) openings() []opening {
	all := slices.Concat(c.shardClients(), c.cacheClients(), c.topicClients())
	for _, s := range c.services() {
		all = append(all, c.callers(s)...)
	}
	return all
}

func (c *Config) shardClients() []opening {
	open := func(client string, pods pulumi.StringMap) opening {
		return newOpening(client, postgresName, namespace.Opening{
			Pods: postgres.PodLabels(postgresName), Ports: []int{postgres.Port}, From: []k8s.Peer{{Pods: pods}},
		})
	}
	all := []opening{open(migrateName, job.PodLabels(migrateName)), open(reshardName, job.PodLabels(reshardName))}
	for _, s := range c.services() {
		if s.Uses.Shards == nil {
			continue
		}
		all = append(all, open(s.Name, service.PodLabels(s.Name)))
		if s.Migration != nil {
			all = append(all, open(service.MigrationName(s.Name), service.MigrationLabels(s.Name)))
		}
	}
	return all
}

func (c *Config) cacheClients() []opening {
	var all []opening
	for number := range c.Redis.Servers() {
		all = append(all, c.clients(func(s Service) bool { return s.Uses.Cache }, redis.ServerName(redisName, number),
			namespace.Opening{Pods: redis.PodLabels(redisName, number), Ports: c.Redis.Ports()})...)
	}
	return append(all, c.toFurtherServers()...)
}

// toFurtherServers lets the cache's clients connect to all servers but the first, which
// the clients' own policy allows: that policy changes before the pods do, and until
// then the clients still use a server that is about to leave.
func (c *Config) toFurtherServers() []opening {
	var all []opening
	for number := 1; number < c.Redis.Servers(); number++ {
		server := redis.ServerName(redisName, number)
		for _, s := range c.services() {
			if s.Uses.Cache {
				all = append(all, opening{s.Name + "-egress-" + server, s.Name, server, namespace.Opening{
					Pods: service.PodLabels(s.Name), To: []k8s.Target{c.cacheTarget(number)},
				}})
			}
		}
	}
	return all
}

// cacheTarget is a server of the cache.
func (c *Config) cacheTarget(number int) k8s.Target {
	return k8s.Target{Peer: k8s.Peer{Pods: redis.PodLabels(redisName, number)}, Port: redis.ClientPort(c.Redis.TLS)}
}

// topicClients are the services that use topics, in addition to the peers that are
// named. Their Jobs are not among them, because nothing gives Jobs a Kafka user. If
// nobody is named, every pod of the namespace may connect, including theirs.
func (c *Config) topicClients() []opening {
	if len(c.Kafka.IngressFrom) == 0 {
		return nil
	}
	return c.clients(Service.usesKafka, kafkaName, namespace.Opening{Pods: kafka.BrokerLabels(kafkaName), Ports: c.Kafka.Ports()})
}

// clients opens a target to the pods of the services that use it.
func (c *Config) clients(use func(Service) bool, target string, way namespace.Opening) []opening {
	var all []opening
	for _, s := range c.services() {
		if use(s) {
			way.From = []k8s.Peer{{Pods: service.PodLabels(s.Name)}}
			all = append(all, newOpening(s.Name, target, way))
		}
	}
	return all
}

// callers are the parts that connect to a service on behalf of others: gateway, tunnel
// and CDN.
func (c *Config) callers(s Service) []opening {
	open := func(client string, from []k8s.Peer) opening {
		return newOpening(client, s.Name, namespace.Opening{Pods: service.PodLabels(s.Name), PortName: service.PortName, From: from})
	}
	var all []opening
	if c.Gateway != nil && c.Services[c.Gateway.Service].Name == s.Name {
		all = append(all, open(gatewayName, c.Gateway.From))
	}
	if c.Tunnel != nil && c.Services[c.Tunnel.Service].Name == s.Name {
		all = append(all, open(tunnelName, tunnel.Peers(tunnelName)), connectorsTo(s))
	}
	if s.AllowEdge && c.CDN != nil {
		all = append(all, open(edgeName, c.edgePeers()))
	}
	return all
}

// connectorsTo lets the tunnel's connectors connect to a service. For egress a port has
// no name, so the policy's name contains the number: another port is another policy.
func connectorsTo(s Service) opening {
	return opening{fmt.Sprintf("%s-egress-%s-%d", tunnelName, s.Name, s.Port), tunnelName, s.Name, namespace.Opening{
		Pods: service.PodLabels(tunnelName), To: []k8s.Target{{Peer: k8s.Peer{Pods: service.PodLabels(s.Name)}, Port: s.Port}},
	}}
}

// opened are the openings with their policies.
type opened []openedWay

type openedWay struct {
	opening
	policy pulumi.Resource
}

// open registers all openings before any target's own policy changes.
func (d *deployment) open(in *namespace.Namespace) error {
	for _, o := range d.openings() {
		policy, err := in.Open(d.ctx, o.name, o.Opening)
		if err != nil {
			return err
		}
		d.wired.opened = append(d.wired.opened, openedWay{o, policy})
	}
	return nil
}

// routedTo is value, known once the service with this key runs with its minimum of pods
// and the route's client may connect to it: a service under another name starts with a
// single pod, which would get the traffic of all pods of the former one.
func (d *deployment) routedTo(value pulumi.StringInput, key, client string) pulumi.StringOutput {
	others := []pulumi.StringInput{d.urls[key], d.autoscalers[key].URN()}
	for _, policy := range d.wired.opened.of(client) {
		others = append(others, policy.URN())
	}
	known, s := after(value, others...), d.Services[key]
	if d.renders() || d.ctx.DryRun() {
		return known
	}
	return known.ApplyTWithContext(d.ctx.Context(), func(ctx context.Context, value string) (string, error) {
		if missing := service.AwaitMinimum(ctx, d.look, d.Namespace, s.Name, s.Replicas.Min); missing != "" {
			return value, d.ctx.Log.Warn(missing+". The "+client+" leads to it", nil)
		}
		return value, nil
	}).(pulumi.StringOutput)
}

// to returns the policies that open a target.
func (all opened) to(target string) (policies []pulumi.Resource) {
	for _, one := range all {
		if one.target == target {
			policies = append(policies, one.policy)
		}
	}
	return policies
}

// of returns the policies of some clients.
func (all opened) of(clients ...string) (policies []pulumi.Resource) {
	for _, one := range all {
		if slices.Contains(clients, one.client) {
			policies = append(policies, one.policy)
		}
	}
	return policies
}
