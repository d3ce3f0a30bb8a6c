package kafka

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
)

type (
	// Resources are a container's CPU and memory.
	Resources = kube.Resources
	// Peer is who may connect.
	Peer = kube.Peer
)

// Args describe one cluster. A zero field means its default; nil is three
// controllers and three brokers without a topic.
type Args struct {
	// Namespace of all objects. Default: "scalestack".
	Namespace pulumi.StringInput

	// Operator that acts on the objects.
	Operator Operator

	// APIVersion of Strimzi's resources. Default: kafka.strimzi.io/v1beta2,
	// which Strimzi serves up to, but not in, its 1.0.
	APIVersion string

	// Version of Kafka, for example 3.7.1, the default.
	Version string

	// MetadataVersion of Kafka's own records, not above Version. It cannot go
	// back. Default: 3.7-IV4, the last one of 3.7.
	MetadataVersion string

	// Pools of nodes. Default: three controllers and three brokers.
	Pools []Pool

	// RackKey is the node label that tells failure domains apart, for example
	// topology.kubernetes.io/zone; every node must have it. Replicas then lie in
	// different domains, and consumers read from the nearest. Default: none.
	RackKey string

	// ReplicationFactor of topics, Kafka's own included, 1 to the number of
	// brokers. Default: 3, or the number of brokers if that is less.
	ReplicationFactor int

	// MinInSync is how many replicas must have a message before the producer is
	// told so. It is below ReplicationFactor, or one dead broker stops all
	// writes. Default: ReplicationFactor - 1, at least 1.
	MinInSync int

	// Config adds broker settings by their Kafka names. Those that the other
	// fields decide are refused.
	Config map[string]string

	// MutualTLS adds a listener on port 9094 for clients with certificates.
	MutualTLS bool

	// Clients may connect. Default: every pod of the namespace.
	Clients []Peer

	// Topics of the cluster.
	Topics []Topic

	// Users of the cluster.
	Users []User

	// EntityOperator is the size of each of the two operators for topics and
	// users. Default: 50m requested, 500m limit, 512Mi.
	EntityOperator Resources

	// CruiseControl moves partitions when brokers come and go. Default: none;
	// an empty value takes 100m, 1 and 1Gi.
	CruiseControl *Resources

	// Exporter publishes the lag of consumer groups for metrics. Default: none;
	// an empty value takes 20m, 200m and 128Mi.
	Exporter *Resources

	// WaitReady makes a deployment wait until the cluster, its topics and its
	// users are Ready. Default: true. Only a cluster without an operator, to
	// check the objects alone, has a use for false.
	WaitReady *bool

	// ReadyMinutes is how long each object may take, 1 to 120. Default: 15.
	ReadyMinutes int
}

// OperatorMode says where the operator comes from.
type OperatorMode string

const (
	// Present: the operator runs already and watches the namespace.
	Present OperatorMode = "present"
	// Install: the operator and its definitions are installed with the cluster.
	Install OperatorMode = "install"
)

// Operator is the Strimzi operator.
type Operator struct {
	// Mode is Present or Install. Default: Present.
	Mode OperatorMode
	// Chart of the operator. Default: Strimzi's own, from its registry.
	Chart string
	// Version of the chart. Default: 0.44.0, the last with Kafka 3.7.
	Version string
	// KubernetesVersion, for example "1.33", is told to an operator too old to
	// find it out by itself: 0.44 fails on 1.33 and newer. Default: it asks.
	KubernetesVersion string
}

// Role of a node.
type Role string

const (
	// Controller nodes keep the cluster's metadata.
	Controller Role = "controller"
	// Broker nodes keep the messages.
	Broker Role = "broker"
)

// Pool is a set of equal nodes.
type Pool struct {
	// Name of the pool, unique in the namespace.
	Name string
	// Roles of its nodes: Controller, Broker or both.
	Roles []Role
	// Replicas is the number of nodes. All pools together have 1, 3 or 5
	// controllers, which Kafka 3.7 cannot change later.
	Replicas int
	// Storage of each node.
	Storage Storage
	// Resources of each node; half of the memory becomes heap, up to 5 GB.
	// Default: 500m requested, 2 limit, 2Gi.
	Resources Resources
	// RequireSpread keeps a node pending rather than put two on one machine.
	// Default: they are spread as far as possible.
	RequireSpread bool
}

// Storage of one node. A claim outlives the cluster's deletion.
type Storage struct {
	// Size of the volume, for example "100Gi". Default: 100Gi.
	Size string
	// Class of the volume. Default: the cluster's default class.
	Class string
	// Ephemeral storage dies with its pod; Size is then its limit.
	Ephemeral bool
}
