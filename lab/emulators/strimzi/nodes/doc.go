// Package nodes builds the objects that a Kafka cluster consists of. Names, labels, ports, paths and settings are
// those that Strimzi gives them; where the emulator is simpler, it is a StatefulSet per pool instead of Strimzi's own
// pod sets, and one ConfigMap per pool instead of one per node.
package nodes

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
)

// Ports that only the cluster itself and its operator use.
const (
	ControlPort     = 9090
	ReplicationPort = 9091
)

// Emulator is on every object, for a person who looks at one.
const Emulator = "dev.scalestack/emulator"

// EmulatorText is its value.
const EmulatorText = "made by the lab's emulator of the Strimzi operator"

// Cluster is what the objects are built from.
type Cluster struct {
	*api.Kafka
	Pools []Pool
	// Image of a node.
	Image string
	// Operator is the address that the operator comes from, as a CIDR.
	Operator string
}

// Pool is a pool with its nodes' numbers, which follow one another.
type Pool struct {
	*api.KafkaNodePool
	IDs []int32
}

// Is tells whether the pool's nodes have the role.
func (p Pool) Is(role string) bool { return slices.Contains(p.Spec.Roles, role) }

// Set is the name of the pool's StatefulSet.
func (c *Cluster) Set(p Pool) string { return c.Name + "-" + p.Name }

// Pod is the name of one node's pod.
func (c *Cluster) Pod(p Pool, id int32) string { return fmt.Sprintf("%s-%d", c.Set(p), id) }

// Bootstrap is the Service that clients connect to first.
func (c *Cluster) Bootstrap() string { return c.Name + "-kafka-bootstrap" }

// BootstrapHost is its name for clients in any namespace.
func (c *Cluster) BootstrapHost() string { return c.Bootstrap() + "." + c.Namespace + ".svc" }

// Brokers is the Service that gives each node a name.
func (c *Cluster) Brokers() string { return c.Name + "-kafka-brokers" }

// BrokersSecret has a key and a certificate per node.
func (c *Cluster) BrokersSecret() string { return c.Brokers() }

// CASecret has the certificate that clients check the nodes with, and nodes each other.
func (c *Cluster) CASecret() string { return c.Name + "-cluster-ca-cert" }

// ClientsCASecret has the certificate that nodes check users with.
func (c *Cluster) ClientsCASecret() string { return c.Name + "-clients-ca-cert" }

// ClientsCAKeySecret has the key of that authority.
func (c *Cluster) ClientsCAKeySecret() string { return c.Name + "-clients-ca" }

// Host is a node's name for clients.
func (c *Cluster) Host(pod string) string {
	return pod + "." + c.Brokers() + "." + c.Namespace + ".svc"
}

// Hosts are all names that a node's certificate is for.
func (c *Cluster) Hosts(pod string) []string {
	var all []string
	for _, service := range []string{c.Bootstrap(), c.Brokers(), pod + "." + c.Brokers()} {
		inside := service + "." + c.Namespace
		all = append(all, service, inside, inside+".svc", inside+".svc.cluster.local")
	}
	return all
}

// ReplicationHosts are the brokers' addresses for the operator.
func (c *Cluster) ReplicationHosts() []string {
	var all []string
	for _, p := range c.Pools {
		if !p.Is(api.Broker) {
			continue
		}
		for _, id := range p.IDs {
			all = append(all, fmt.Sprintf("%s:%d", c.Host(c.Pod(p, id)), ReplicationPort))
		}
	}
	return all
}

// NodeIdentity is the name in the nodes' certificates.
func (c *Cluster) NodeIdentity() string { return c.Name + "-kafka" }

// Meta is the metadata of an object of the cluster.
func (c *Cluster) Meta(name string) metav1.ObjectMeta {
	yes := true
	return metav1.ObjectMeta{
		Name: name, Namespace: c.Namespace,
		Labels:      c.labels(),
		Annotations: map[string]string{Emulator: EmulatorText},
		OwnerReferences: []metav1.OwnerReference{{
			APIVersion: api.Version.String(), Kind: api.KafkaKind, Name: c.Name, UID: c.UID, Controller: &yes,
		}},
	}
}

// labels are on every object and pod of the cluster's nodes; callers select the nodes by them.
func (c *Cluster) labels() map[string]string {
	return map[string]string{
		api.ClusterLabel:  c.Name,
		"strimzi.io/kind": api.KafkaKind,
		"strimzi.io/name": c.Name + "-kafka",
	}
}

func (c *Cluster) poolLabels(p Pool) map[string]string {
	all := c.labels()
	all["strimzi.io/pool-name"] = p.Name
	all["strimzi.io/broker-role"] = fmt.Sprint(p.Is(api.Broker))
	all["strimzi.io/controller-role"] = fmt.Sprint(p.Is(api.Controller))
	return all
}
