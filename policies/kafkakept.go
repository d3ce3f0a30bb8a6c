package main

import (
	"slices"
	"strings"

	"github.com/scalestack/scalestack/policies/rule"
)

// kafkaKept compares the pools and topics that hold data with those that are deployed,
// which its caller has to say. The component's own guard sees the state and refuses the
// same; this holds for programs that register Strimzi's resources in another way.
var kafkaKept = rule.Rule{
	Name: "kafka-kept",
	Description: "A Kafka pool or topic that holds data leaves only after it was released: Strimzi checks only pools that " +
		"still exist, and forgets the brokers of one that has another name. What is deployed comes from the policy's configuration.",
	Settings: []rule.Setting{
		{Name: "pools", Meaning: "names of the pools that are deployed now; empty: not checked", Default: []any{}},
		{Name: "topics", Meaning: "names of the topics that are deployed now; empty: not checked", Default: []any{}},
		{Name: "released", Meaning: "names of the pools and topics that may leave", Default: []any{}},
	},
	Each: func(c *rule.Check, r rule.Resource) {
		if r.Kind() != "Kafka" || !r.Kubernetes() {
			return
		}
		for _, kind := range []string{"pools", "topics"} {
			kept := r.At("metadata", "annotations", "scalestack/"+kind)
			if !kept.Known() {
				continue
			}
			names := strings.Split(kept.Text(), ",")
			for _, name := range c.Texts(kind) {
				if !slices.Contains(names, name) && !slices.Contains(c.Texts("released"), name) {
					c.Report(r, kept.Path(), kept.String()+" without "+name, "every one of the "+kind+" that is deployed and not released",
						"put it back into scalestack:kafka."+kind+"; name it in kafka.removed."+kind+" and deploy, and list it in this policy's setting released")
				}
			}
		}
	},
}
