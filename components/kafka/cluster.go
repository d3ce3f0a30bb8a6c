package kafka

import (
	"encoding/json"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/k8s"
)

// object and list are the untyped values that a custom resource is made of.
type (
	object = map[string]any
	list   = []any
)

const (
	// Port is where clients with a password connect.
	Port     = 9093
	mtlsPort = 9094
)

// clusterSpec is the Kafka resource's spec.
func clusterSpec(name string, a *Args) object {
	spec := object{
		"kafka":          kafkaSpec(name, a),
		"entityOperator": entityOperatorSpec(name, a),
	}
	if a.CruiseControl != nil {
		spec["cruiseControl"] = object{
			"resources": kube.Resources(*a.CruiseControl),
			"template":  withPod(a, object{"cruiseControlContainer": restricted()}),
		}
	}
	if a.Exporter != nil {
		spec["kafkaExporter"] = object{
			"topicRegex": ".*",
			"groupRegex": ".*",
			"resources":  kube.Resources(*a.Exporter),
			"template":   withPod(a, object{"container": restricted()}),
		}
	}
	return spec
}

func kafkaSpec(name string, a *Args) object {
	config := a.brokerConfig()
	for key, value := range a.Config {
		config[key] = value
	}
	spec := object{
		"version":         a.Version,
		"metadataVersion": a.MetadataVersion,
		"listeners":       listeners(a),
		"authorization":   object{"type": "simple"},
		"config":          config,
		"template": object{
			"podDisruptionBudget": object{"maxUnavailable": 1},
			"podSet":              object{"metadata": object{"annotations": object{kube.ChecksumAnnotation: nodesChecksum(name, a)}}},
		},
	}
	if a.Metrics {
		spec["metricsConfig"] = metricsConfig(name)
	}
	if a.RackKey != nil {
		spec["rack"] = object{"topologyKey": a.RackKey}
	}
	return spec
}

// nodesChecksum changes with everything that the nodes consist of beside the Kafka
// resource: their pools, and the rules of their metrics. In the Kafka resource it
// changes the generation, which the deployment waits to see ready; it never waits for a
// pool, because a pool does not report readiness. The checksum is where it restarts
// nothing, because pools have templates of their own.
func nodesChecksum(name string, a *Args) pulumi.StringOutput {
	var parts []pulumi.StringInput
	for _, pool := range a.Pools {
		class := pool.Storage.Class
		if class == nil {
			class = pulumi.String("")
		}
		pool.Storage.Class = nil // the only value that may not be known yet
		spec, err := json.Marshal(poolSpec(name, a, pool))
		if err != nil {
			panic(err) // of plain values: a mistake in this package
		}
		parts = append(parts, pulumi.String(pool.Name), pulumi.String(spec), class)
	}
	if a.Metrics {
		parts = append(parts, pulumi.String(metricRules))
	}
	return kube.Checksum(parts...)
}

// brokerConfig are the settings that the arguments decide.
func (a *Args) brokerConfig() object {
	own := a.ownTopics()
	config := object{
		// A misspelt topic is an error, not a new topic.
		"auto.create.topics.enable": false,
		// A broker that lacks acknowledged messages never becomes a leader.
		"unclean.leader.election.enable": false,
		"default.replication.factor":     a.ReplicationFactor,
		"min.insync.replicas":            a.MinInSync,
		offsetsReplicas:                  own.Replicas,
		transactionReplicas:              own.Replicas,
		transactionMinInSync:             own.MinInSync,
	}
	if a.RackKey != nil {
		config["replica.selector.class"] = "org.apache.kafka.common.replica.RackAwareReplicaSelector"
	}
	return config
}

func listeners(a *Args) list {
	all := list{listener(a, "scram", Port, Scram)}
	if a.MutualTLS {
		all = append(all, listener(a, "mtls", mtlsPort, Certificate))
	}
	return all
}

// Ports returns the listeners' ports for clients, for a network policy that admits
// others than IngressFrom.
func (a *Args) Ports() []int {
	if a.MutualTLS {
		return []int{Port, mtlsPort}
	}
	return []int{Port}
}

func listener(a *Args, name string, port int, authentication Authentication) object {
	return object{
		"name":               name,
		"port":               port,
		"type":               "internal",
		"tls":                true,
		"authentication":     object{"type": string(authentication)},
		"networkPolicyPeers": networkPolicyPeers(a.IngressFrom),
	}
}

// networkPolicyPeers go into the policy that Strimzi writes for a listener.
func networkPolicyPeers(from []k8s.Peer) list {
	if len(from) == 0 {
		return list{object{"podSelector": object{}}}
	}
	peers := make(list, len(from))
	for i, peer := range from {
		peers[i] = networkPolicyPeer(peer)
	}
	return peers
}

func networkPolicyPeer(peer k8s.Peer) object {
	if peer.CIDR != nil {
		return object{"ipBlock": object{"cidr": peer.CIDR}}
	}
	rule := object{"podSelector": selector(peer.Pods)}
	if peer.Namespaces != nil {
		rule["namespaceSelector"] = selector(peer.Namespaces)
	}
	return rule
}

// selector of these labels; without labels it selects all.
func selector(labels pulumi.StringMapInput) object {
	if labels == nil {
		return object{}
	}
	return object{"matchLabels": labels}
}

// entityOperatorSpec configures the operators of topics and users. The topic operator
// works without finalizers: a topic's object would wait for an operator that may be
// gone, and its namespace with it. The operator removes existing finalizers
// (addOrRemoveFinalizer in BatchingTopicController of 0.44).
func entityOperatorSpec(name string, a *Args) object {
	topics := restricted()
	topics["env"] = list{object{"name": "STRIMZI_USE_FINALIZERS", "value": "false"}}
	return object{
		"topicOperator": object{"resources": kube.Resources(a.EntityOperator)},
		"userOperator": object{
			"resources":    kube.Resources(a.EntityOperator),
			"secretPrefix": secretPrefix(name),
		},
		"template": withPod(a, object{
			"topicOperatorContainer": topics,
			"userOperatorContainer":  restricted(),
		}),
	}
}

// podTemplate is what all pods of the cluster have.
func podTemplate(a *Args) object {
	if a.PullSecret == "" {
		return object{}
	}
	return object{"imagePullSecrets": list{object{"name": a.PullSecret}}}
}

// withPod adds what all pods have to a template of containers.
func withPod(a *Args, template object) object {
	if pod := podTemplate(a); len(pod) > 0 {
		template["pod"] = pod
	}
	return template
}

// secretPrefix begins the names of the users' Secrets. Without it a user called
// redis-app would take over the Secret redis-app.
func secretPrefix(cluster string) string { return cluster + "-user-" }

// UserSecret is the name of the Secret that Strimzi makes for a user.
func UserSecret(component, user string) string { return secretPrefix(component) + user }

// restricted is the Pod Security Standard "restricted" as a container template:
// Strimzi leaves it to the user unless the operator was told otherwise.
func restricted() object {
	return object{"securityContext": object{
		"allowPrivilegeEscalation": false,
		"capabilities":             object{"drop": list{"ALL"}},
		"runAsNonRoot":             true,
		"seccompProfile":           object{"type": "RuntimeDefault"},
	}}
}

// objectName turns a topic's name into one that Kubernetes takes.
func objectName(topic string) string {
	return strings.ToLower(strings.NewReplacer("_", "-", ".", "-").Replace(topic))
}
