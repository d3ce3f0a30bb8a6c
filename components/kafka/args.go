package kafka

import (
	"cmp"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/internal/settings"
)

// Args describe one cluster. A zero field means its default; nil is three
// controllers and three brokers without a topic.
type Args struct {
	// Namespace of all objects. Default: "scalestack".
	Namespace pulumi.StringInput `json:"-" pulumi:"namespace,optional"`

	// PullSecret is the Secret in Namespace with which nodes pull the images of Kafka's
	// pods. The operator's own is its installation's. A change restarts the nodes, one
	// after the other. Default: none.
	PullSecret string `json:"-" pulumi:"pullSecret,optional" format:"label"`

	// Resolvers are the cluster's DNS servers, the only ones that the pods may ask, on port 53.
	// Default: any.
	Resolvers []k8s.Peer `json:"-" pulumi:"resolvers,optional"`

	// APIServers are the addresses of the cluster's API server, the only ones that Kafka's pods
	// may reach on ports 443 and 6443. Default: any.
	APIServers []k8s.Peer `json:"-" pulumi:"apiServers,optional"`

	// Operator that manages the objects.
	Operator Operator `json:"operator" pulumi:"operator,optional"`

	// APIVersion of Strimzi's resources. Releases up to 0.51 serve v1beta2, those from
	// 0.49 on v1.
	APIVersion string `json:"apiVersion" pulumi:"apiVersion,optional" default:"kafka.strimzi.io/v1beta2" enum:"kafka.strimzi.io/v1beta2,kafka.strimzi.io/v1"`

	// Version of Kafka, one of those that the operator runs.
	Version string `json:"version" pulumi:"version,optional" default:"3.7.1"`

	// MetadataVersion of Kafka's own records, at most Version. It cannot go back, so raise
	// it last, in an update of its own. 3.7-IV4 is the last one of Kafka 3.7.
	MetadataVersion string `json:"metadataVersion" pulumi:"metadataVersion,optional" default:"3.7-IV4"`

	// Pools of nodes.
	Pools []Pool `json:"pools" pulumi:"pools,optional" default:"[{\"name\":\"controllers\",\"roles\":[\"controller\"],\"replicas\":3,\"storage\":{\"size\":\"20Gi\"}},{\"name\":\"brokers\",\"roles\":[\"broker\"],\"replicas\":3}]"`

	// Protect makes Pulumi refuse every deployment that would drop the cluster, a pool or a
	// topic. Without it they leave the stack's state and stay in Kubernetes.
	Protect bool `json:"protect" pulumi:"protect,optional"`

	// Removed names pools and topics that may be dropped with their data.
	Removed Removed `json:"removed" pulumi:"removed,optional"`

	// RackKey is the node label that identifies failure domains, for example
	// topology.kubernetes.io/zone; every node must have it. Replicas then lie in different
	// domains, and consumers read from the nearest one. Default: none.
	RackKey pulumi.StringInput `json:"rackKey" pulumi:"rackKey,optional" format:"labelKey"`

	// ReplicationFactor of topics, at most the number of brokers. Default: 3, or the
	// number of brokers if that is less.
	ReplicationFactor int `json:"replicationFactor" pulumi:"replicationFactor,optional" min:"1" max:"100"`

	// MinInSync is how many replicas must have a message before it is acknowledged to the
	// producer. Keep it below ReplicationFactor, or one dead broker stops all writes.
	// Default: ReplicationFactor - 1, at least 1.
	MinInSync int `json:"minInSync" pulumi:"minInSync,optional" min:"1" max:"100"`

	// OwnTopics configures the topics in which Kafka keeps consumer offsets and the state
	// of transactions.
	OwnTopics OwnTopics `json:"ownTopics" pulumi:"ownTopics,optional"`

	// Config adds broker settings by their Kafka names. Settings that other fields decide
	// are refused.
	Config map[string]string `json:"config" pulumi:"config,optional"`

	// MutualTLS adds a listener on port 9094 for clients with certificates.
	MutualTLS bool `json:"mutualTLS" pulumi:"mutualTLS,optional"`

	// IngressFrom lists who may connect to the listeners; nobody else may. A stack adds its
	// own clients: the services that use topics, and KEDA if a service scales by lag.
	// Default: every pod of the namespace.
	IngressFrom []k8s.Peer `json:"ingressFrom" pulumi:"ingressFrom,optional"`

	// Opened are policies that let in more than IngressFrom. The component's listeners change
	// after them, as it may close what they open.
	Opened []pulumi.Resource `json:"-"`

	// Names lists the objects in Namespace of the kind with this API version and plural, to see
	// whether a pool or topic that leaves was ever made. Default: nobody asks, and each that a
	// deployment was to make counts.
	Names func(apiVersion, resource string) ([]string, error) `json:"-"`

	// Topics of the cluster.
	Topics []Topic `json:"topics" pulumi:"topics,optional"`

	// Users of the cluster.
	Users []User `json:"users" pulumi:"users,optional"`

	// EntityOperator is the size of each of the two operators for topics and users.
	EntityOperator k8s.Resources `json:"entityOperator" pulumi:"entityOperator,optional" default:"{\"cpuRequest\":\"50m\",\"cpuLimit\":\"500m\",\"memory\":\"512Mi\"}"`

	// CruiseControl moves partitions when brokers come and go. An empty object uses the
	// default size. Default: none.
	CruiseControl *k8s.Resources `json:"cruiseControl" pulumi:"cruiseControl,optional" default:"{\"cpuRequest\":\"100m\",\"cpuLimit\":\"1\",\"memory\":\"1Gi\"}"`

	// Exporter publishes the lag of consumer groups as metrics. An empty object uses the
	// default size. Default: none.
	Exporter *k8s.Resources `json:"exporter" pulumi:"exporter,optional" default:"{\"cpuRequest\":\"20m\",\"cpuLimit\":\"200m\",\"memory\":\"128Mi\"}"`

	// Metrics lets every node export its metrics to Prometheus, on port 9404 and path
	// /metrics.
	Metrics bool `json:"metrics" pulumi:"metrics,optional"`

	// WaitReady makes a deployment wait until the cluster, its topics and its users are
	// Ready. Set it to false only for a cluster without an operator, to check the objects
	// alone.
	WaitReady *bool `json:"waitReady" pulumi:"waitReady,optional" default:"true"`

	// ReadyMinutes is how long each object may take to become ready.
	ReadyMinutes int `json:"readyMinutes" pulumi:"readyMinutes,optional" default:"15" min:"1" max:"120"`
}

// withDefaults returns a copy with every default filled in.
func (a *Args) withDefaults() *Args {
	c := settings.WithDefaults(a)
	c.Namespace = kube.Namespace(c.Namespace)
	return c
}

// Complete fills in what follows from the number of brokers.
func (a *Args) Complete() {
	a.ReplicationFactor = cmp.Or(a.ReplicationFactor, max(1, min(3, a.count(Broker))))
	a.MinInSync = cmp.Or(a.MinInSync, max(1, a.ReplicationFactor-1))
	for i := range a.Topics {
		topic := &a.Topics[i]
		topic.Replicas = cmp.Or(topic.Replicas, a.ReplicationFactor)
		topic.MinInSync = cmp.Or(topic.MinInSync, max(1, topic.Replicas-1))
	}
}
