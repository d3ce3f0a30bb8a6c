package main

import (
	"github.com/scalestack/scalestack/policies/rule"
)

// kafkaSecretUnique keeps Strimzi from overwriting a Secret of the stack.
var kafkaSecretUnique = rule.Rule{
	Name: "kafka-secret-unique",
	Description: "A KafkaUser's Secret has a name of its own: Strimzi writes the user's password into the Secret of the user's " +
		"name, over whatever another resource put there.",
	All: func(c *rule.Check, g rule.Graph) {
		for _, user := range g.Of("KafkaUser") {
			if !user.Kubernetes() || user.At("spec", "authentication", "type").Text() == "tls-external" || nameOf(user) == "" {
				continue
			}
			name := secretPrefix(g, user) + nameOf(user)
			for _, r := range g.Of("Secret", "SealedSecret", "ExternalSecret", "Certificate") {
				if r.Kubernetes() && together(r, user) && secretOf(r) == name {
					c.Report(user, "its Secret "+name, "declared by "+r.String()+" too", "a name that no other Secret has",
						"rename the KafkaUser or the other Secret")
				}
			}
		}
	},
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
func secretPrefix(g rule.Graph, user rule.Resource) string {
	for _, cluster := range g.Of("Kafka") {
		if belongs(user, cluster) {
			return cluster.At("spec", "entityOperator", "userOperator", "secretPrefix").Text()
		}
	}
	return ""
}
