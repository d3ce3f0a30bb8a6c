package main

import (
	"slices"
	"strings"

	"github.com/scalestack/scalestack/policies/rule"
)

// stable are the labels that a release never changes.
var stable = []string{"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component"}

// statefulSetFixed keeps what cannot be updated from ever having to change.
var statefulSetFixed = rule.Rule{
	Name: "statefulset-fixed",
	Description: "A StatefulSet states the fields whose change would replace it, and keeps out of them what changes: " +
		"a replacement stops the database and, with a fixed name, deletes before it creates.",
	Each: kinds(func(c *rule.Check, r rule.Resource) {
		for _, field := range []string{"serviceName", "podManagementPolicy", "revisionHistoryLimit"} {
			if n := r.At("spec", field); n.Absent() {
				c.Refuse(r, n, "a value", "state it: a default that changes with a version would replace the StatefulSet")
			}
		}
		if n := r.At("spec", "volumeClaimTemplates"); len(n.Items()) > 0 {
			c.Report(r, n.Path(), "set", "not set",
				"make a PersistentVolumeClaim of its own and name it in the pod's volumes: a template's size can never be changed")
		}
		selector := r.At("spec", "selector")
		for _, key := range selector.At("matchLabels").Keys() {
			if !slices.Contains(stable, key) {
				c.Refuse(r, selector.At("matchLabels", key), "only "+strings.Join(stable, ", "),
					"remove it from the selector: a label that changes would replace the StatefulSet")
			}
		}
		if n := selector.At("matchExpressions"); len(n.Items()) > 0 {
			c.Report(r, n.Path(), "set", "not set", "select by matchLabels alone")
		}
	}, "StatefulSet"),
}

// volumesKept keeps controllers from deleting volumes by themselves.
var volumesKept = rule.Rule{
	Name:        "volumes-kept",
	Description: "No controller deletes a volume together with the pods that used it: data outlives a mistake.",
	Each: kinds(func(c *rule.Check, r rule.Resource) {
		for _, when := range []string{"whenDeleted", "whenScaled"} {
			if n := r.At("spec", "persistentVolumeClaimRetentionPolicy", when); n.Text() == "Delete" {
				c.Refuse(r, n, "Retain", "set it to Retain and delete claims by hand")
			}
		}
		for _, path := range [][]string{{"spec", "storage"}, {"spec", "kafka", "storage"}, {"spec", "zookeeper", "storage"}} {
			storage := r.At(path...)
			for _, volume := range append(storage.At("volumes").Items(), storage) {
				if n := volume.At("deleteClaim"); n.Set() && !n.False() {
					c.Refuse(r, n, "false", "set deleteClaim to false and delete claims by hand")
				}
			}
		}
	}, "StatefulSet", "KafkaNodePool", "Kafka"),
}

// dataRetained looks at resource options, which no policy pack is told.
var dataRetained = rule.Rule{
	Name: "data-retained",
	Description: "A destroy or a removed line keeps the volumes: claims and the namespace they are in are retained on " +
		"delete, and in protected stacks claims and StatefulSets are protected, those of drained shards aside.",
	NeedsOptions: true,
	Settings: []rule.Setting{{
		Name: "protected", Meaning: "names of the stacks whose data is protected", Default: []any{"prod"},
	}},
	Each: kinds(func(c *rule.Check, r rule.Resource) {
		if r.Options == nil || r.Patch() {
			return
		}
		if r.Kind() != "StatefulSet" && !r.Options.RetainOnDelete {
			c.Report(r, "the option retainOnDelete", "false", "true", "register it with pulumi.RetainOnDelete(true)")
		}
		drained := r.At("metadata", "annotations", "scalestack/drained").Text() == "true"
		protected := slices.Contains(c.Texts("protected"), c.Stack) && r.Kind() != "Namespace" && !drained
		if protected && !r.Options.Protect {
			c.Report(r, "the option protect", "false", "true in this stack", "set scalestack:postgres.protect to true")
		}
	}, "Namespace", "PersistentVolumeClaim", "StatefulSet"),
}
