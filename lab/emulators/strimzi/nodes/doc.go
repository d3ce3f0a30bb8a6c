// Package nodes builds the objects that a Kafka cluster consists of. Names, labels, annotations, ports, paths and
// settings are those that Strimzi 0.44.0 gives them (its classes KafkaCluster, KafkaPool, EntityOperator, KafkaExporter,
// VolumeUtils and KafkaBrokerConfigurationBuilder).
package nodes

import (
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
)

// Ports that every cluster has, whatever its listeners.
const (
	ControlPort     = 9090
	ReplicationPort = 9091
	MetricsPort     = 9404
	AgentPort       = 8443
)

// Emulator is on every object, for a person who looks at one.
const Emulator = "dev.scalestack/emulator"

// EmulatorText is its value.
const EmulatorText = "made by the lab's emulator of the Strimzi operator"

// Cluster is what the objects are built from.
type Cluster struct {
	*api.Kafka
	Pools []Pool
	// ID is what volumes are formatted with.
	ID string
	// Metrics are the exporter's rules as JSON. Empty: no exporter.
	Metrics string
	// Image of a node, and of the Kafka Exporter.
	Image, ExporterImage string
	// Operator is the address that the operator comes from, as a CIDR.
	Operator string
}

// Pool is a pool with its nodes' numbers.
type Pool struct {
	*api.KafkaNodePool
	// IDs are the numbers that the nodes should have, Removed those that they had and no longer should.
	IDs, Removed []int32
}

// Is reports whether the pool's nodes have the role.
func (p Pool) Is(role string) bool { return slices.Contains(p.Spec.Roles, role) }

// Set is the name of the pool's StrimziPodSet.
func (c *Cluster) Set(p Pool) string { return c.Name + "-" + p.Name }

// PodName is the name of one node's pod.
func (c *Cluster) PodName(p Pool, id int32) string { return fmt.Sprintf("%s-%d", c.Set(p), id) }

// Component is the name of what the nodes have in common: the PodDisruptionBudget and the ServiceAccount.
func (c *Cluster) Component() string { return c.Name + "-kafka" }

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

// CAKeySecret has the key of that authority.
func (c *Cluster) CAKeySecret() string { return c.Name + "-cluster-ca" }

// OperatorSecret has the operator's own certificate.
func (c *Cluster) OperatorSecret() string { return c.Name + "-cluster-operator-certs" }

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
			all = append(all, fmt.Sprintf("%s:%d", c.Host(c.PodName(p, id)), ReplicationPort))
		}
	}
	return all
}

// NodeIdentity is the name in the nodes' certificates.
func (c *Cluster) NodeIdentity() string { return c.Component() }

// Meta is the metadata of an object that is the cluster's.
func (c *Cluster) Meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: name, Namespace: c.Namespace,
		Labels:          c.labels(),
		Annotations:     map[string]string{Emulator: EmulatorText},
		OwnerReferences: []metav1.OwnerReference{owner(api.KafkaKind, c.Kafka)},
	}
}

// poolMeta is the metadata of an object that is a pool's: it goes with the pool, whatever becomes of the cluster.
func (c *Cluster) poolMeta(p Pool, name string) metav1.ObjectMeta {
	meta := c.Meta(name)
	meta.Labels = c.poolLabels(p)
	meta.OwnerReferences = []metav1.OwnerReference{owner(api.PoolKind, p)}
	return meta
}

// owner says like Strimzi that it controls nothing and does not wait (ModelUtils.createOwnerReference).
func owner(kind string, object metav1.Object) metav1.OwnerReference {
	no := false
	return metav1.OwnerReference{
		APIVersion: api.Version.String(), Kind: kind, Name: object.GetName(), UID: object.GetUID(), Controller: &no, BlockOwnerDeletion: &no,
	}
}

// labels are on every object and pod of the cluster's nodes; callers select the nodes by them.
func (c *Cluster) labels() map[string]string {
	return map[string]string{api.ClusterLabel: c.Name, api.KindLabel: api.KafkaKind, api.NameLabel: c.Component()}
}

func (c *Cluster) poolLabels(p Pool) map[string]string {
	all := c.labels()
	all[api.PoolLabel] = p.Name
	return all
}

func (c *Cluster) podLabels(p Pool, id int32) map[string]string {
	all := c.poolLabels(p)
	maps.Copy(all, map[string]string{
		"strimzi.io/broker-role":     fmt.Sprint(p.Is(api.Broker)),
		"strimzi.io/controller-role": fmt.Sprint(p.Is(api.Controller)),
		"strimzi.io/controller":      "strimzipodset",
		api.PodSetLabel:              c.Set(p),
		api.PodLabel:                 c.PodName(p, id),
	})
	return all
}
