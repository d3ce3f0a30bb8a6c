package nodes

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
)

const (
	configFolder    = "/opt/kafka/custom-config"
	brokersFolder   = "/opt/kafka/broker-certs"
	clusterCAFolder = "/opt/kafka/cluster-ca-certs"
	clientsCAFolder = "/opt/kafka/client-ca-certs"

	control     = "CONTROLPLANE-9090"
	replication = "REPLICATION-9091"

	// Scram and Certificate are how clients prove who they are.
	Scram       = "scram-sha-512"
	Certificate = "tls"
)

// OperatorIdentity is the name in the operator's certificate.
const OperatorIdentity = "cluster-operator"

// Versions that the emulator runs.
const (
	KafkaVersion    = "3.7.1"
	MetadataVersion = "3.7-IV4"
)

// Configs are a pool's ConfigMaps, one per node, under the pods' names and with the files that Strimzi's start script
// reads (KafkaCluster.generatePerBrokerConfigurationConfigMaps). 4 is Strimzi's number for KRaft.
func (c *Cluster) Configs(p Pool) []*corev1.ConfigMap {
	var all []*corev1.ConfigMap
	for _, id := range p.IDs {
		meta := c.poolMeta(p, c.PodName(p, id))
		meta.Labels[api.PodLabel] = meta.Name
		data := map[string]string{
			"server.config": c.serverConfig(p, id), "cluster.id": c.ID, "metadata.version": MetadataVersion, "metadata.state": "4",
		}
		if c.Metrics != "" {
			data["metrics-config.json"] = c.Metrics
		}
		all = append(all, &corev1.ConfigMap{ObjectMeta: meta, Data: data})
	}
	return all
}

func (c *Cluster) serverConfig(p Pool, id int32) string {
	settings := c.common(p, id)
	if p.Is(api.Controller) {
		secureInside(settings, control)
	}
	if p.Is(api.Broker) {
		c.broker(settings, c.PodName(p, id))
	}
	for name, value := range c.Spec.Kafka.Config {
		if _, taken := settings[name]; !taken && !forbidden(name) {
			settings[name] = string(value)
		}
	}
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&text, "%s=%s\n", name, settings[name])
	}
	return text.String()
}

// common is what every node needs, whatever its roles.
func (c *Cluster) common(p Pool, id int32) map[string]string {
	logs, metadata := logFolders(p.Spec.Storage, id)
	protocols := []string{control + ":SSL", replication + ":SSL"}
	for _, l := range c.Spec.Kafka.Listeners {
		protocols = append(protocols, listenerName(l)+":"+protocol(l))
	}
	return map[string]string{
		"process.roles":                  strings.Join(p.Spec.Roles, ","),
		"node.id":                        fmt.Sprint(id),
		"controller.quorum.voters":       c.voters(),
		"controller.listener.names":      control,
		"listeners":                      strings.Join(c.listeners(p), ","),
		"listener.security.protocol.map": strings.Join(protocols, ","),
		"log.dirs":                       logs,
		"metadata.log.dir":               metadata,
		"authorizer.class.name":          "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		"super.users":                    "User:" + dn(c.NodeIdentity()) + ";User:" + dn(c.Exporter()) + ";User:" + dn(OperatorIdentity),
		"ssl.keystore.type":              "PEM",
		"ssl.keystore.location":          "/tmp/node.pem",
		"ssl.truststore.type":            "PEM",
		"ssl.truststore.location":        "/tmp/cluster-ca.pem",
	}
}

func (c *Cluster) broker(settings map[string]string, pod string) {
	settings["inter.broker.listener.name"] = replication
	advertised := []string{fmt.Sprintf("%s://%s:%d", replication, c.Host(pod), ReplicationPort)}
	secureInside(settings, replication)
	for _, l := range c.Spec.Kafka.Listeners {
		advertised = append(advertised, fmt.Sprintf("%s://%s:%d", listenerName(l), c.Host(pod), l.Port))
		secureClients(settings, l)
	}
	settings["advertised.listeners"] = strings.Join(advertised, ",")
}

// The start script of the image writes the files in /tmp: a key store from the pod's own certificate, and trust stores
// from every certificate in the authorities' Secrets.

// secureInside lets nobody in without a certificate of the cluster's own authority.
func secureInside(settings map[string]string, name string) {
	settings[listenerPrefix(name)+"ssl.client.auth"] = "required"
}

func secureClients(settings map[string]string, l api.Listener) {
	prefix := listenerPrefix(listenerName(l))
	switch authentication(l) {
	case Scram:
		settings[prefix+"sasl.enabled.mechanisms"] = "SCRAM-SHA-512"
		settings[prefix+"scram-sha-512.sasl.jaas.config"] = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
	case Certificate:
		settings[prefix+"ssl.client.auth"] = "required"
		settings[prefix+"ssl.truststore.type"] = "PEM"
		settings[prefix+"ssl.truststore.location"] = "/tmp/clients-ca.pem"
	}
}

func (c *Cluster) listeners(p Pool) []string {
	var all []string
	if p.Is(api.Controller) {
		all = append(all, fmt.Sprintf("%s://0.0.0.0:%d", control, ControlPort))
	}
	if !p.Is(api.Broker) {
		return all
	}
	all = append(all, fmt.Sprintf("%s://0.0.0.0:%d", replication, ReplicationPort))
	for _, l := range c.Spec.Kafka.Listeners {
		all = append(all, fmt.Sprintf("%s://0.0.0.0:%d", listenerName(l), l.Port))
	}
	return all
}

func (c *Cluster) voters() string {
	var all []string
	for _, p := range c.Pools {
		if !p.Is(api.Controller) {
			continue
		}
		for _, id := range p.IDs {
			all = append(all, fmt.Sprintf("%d@%s.cluster.local:%d", id, c.Host(c.PodName(p, id)), ControlPort))
		}
	}
	return strings.Join(all, ",")
}

func authentication(l api.Listener) string {
	if l.Authentication == nil {
		return ""
	}
	return l.Authentication.Type
}

func protocol(l api.Listener) string {
	protocol := "PLAINTEXT"
	if l.TLS {
		protocol = "SSL"
	}
	if authentication(l) == Scram {
		protocol = "SASL_" + protocol
	}
	return protocol
}

func listenerName(l api.Listener) string {
	return fmt.Sprintf("%s-%d", strings.ToUpper(l.Name), l.Port)
}

func listenerPrefix(name string) string { return "listener.name." + strings.ToLower(name) + "." }

// dn is how Kafka spells the owner of an internal certificate.
func dn(name string) string { return "CN=" + name + ",O=io.strimzi" }
