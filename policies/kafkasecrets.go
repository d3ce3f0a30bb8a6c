package main

import (
	"slices"
	"strings"

	"github.com/scalestack/scalestack/policies/rule"
)

// kafkaSecretUnique keeps Strimzi from overwriting a Secret of the stack.
var kafkaSecretUnique = rule.Rule{
	Name: "kafka-secret-unique",
	Description: "A KafkaUser's Secret has a name of its own: Strimzi writes the user's password into the Secret of the user's " +
		"name, over whatever another resource put there.",
	All: func(c *rule.Check, g rule.Graph) {
		users := g.Of("KafkaUser")
		for i, user := range users {
			name, has := userSecret(g, user)
			if !has {
				continue
			}
			for _, r := range g.Of("Secret", "SealedSecret", "ExternalSecret", "Certificate") {
				if r.Kubernetes() && together(r, user) && secretOf(r) == name {
					c.Report(user, "its Secret "+name, "declared by "+r.String()+" too", "a name that no other Secret has",
						"rename the KafkaUser or the other Secret")
				}
			}
			for _, other := range users[:i] {
				if taken, has := userSecret(g, other); has && together(other, user) && taken == name {
					c.Report(user, "its Secret "+name, "that of "+other.String()+" too", "a name that no other Secret has", "rename one of the users")
				}
			}
			for _, cluster := range g.Of("Kafka") {
				if together(cluster, user) && strimzisSecret(cluster, name) {
					c.Report(user, "its Secret "+name, "one that Strimzi writes for "+cluster.String(), "a name that no other Secret has",
						"set entityOperator.userOperator.secretPrefix, or rename the KafkaUser")
				}
			}
		}
	},
}

// userSecret is the name of the Secret that the user operator writes for the user.
// Without one, or where it is not known yet, has is false.
func userSecret(g rule.Graph, user rule.Resource) (name string, has bool) {
	prefix, known := secretPrefix(g, user)
	if !user.Kubernetes() || !known || nameOf(user) == "" || user.At("spec", "authentication", "type").Text() == "tls-external" {
		return "", false
	}
	return prefix + nameOf(user), true
}

// clustersSecrets are how the names of Strimzi's own Secrets of a cluster end
// (KafkaResources of Strimzi 0.44).
var clustersSecrets = []string{
	"cluster-ca", "cluster-ca-cert", "clients-ca", "clients-ca-cert", "cluster-operator-certs", "kafka-brokers", "kafka-jmx",
	"entity-topic-operator-certs", "entity-user-operator-certs", "entity-topic-operator-cc-api",
	"kafka-exporter-certs", "cruise-control-certs", "cruise-control-api",
}

func strimzisSecret(cluster rule.Resource, name string) bool {
	own, of := strings.CutPrefix(name, nameOf(cluster)+"-")
	return of && nameOf(cluster) != "" && slices.Contains(clustersSecrets, own)
}

// secretOf is the name of the Secret that r is or makes.
func secretOf(r rule.Resource) string {
	switch r.Kind() {
	case "Certificate":
		return r.At("spec", "secretName").Text()
	case "ExternalSecret":
		if name := r.At("spec", "target", "name"); !name.Absent() {
			return name.Text()
		}
	}
	return nameOf(r)
}

// secretPrefix is what the user's cluster puts before the names of Secrets.
func secretPrefix(g rule.Graph, user rule.Resource) (prefix string, known bool) {
	for _, cluster := range g.Of("Kafka") {
		if belongs(user, cluster) {
			n := cluster.At("spec", "entityOperator", "userOperator", "secretPrefix")
			return n.Text(), n.Known()
		}
	}
	return "", true
}
