package main

import "github.com/scalestack/scalestack/policies/rule"

// objectMutations break one object at a time.
var objectMutations = map[string]mutation{
	"default namespace": {policy: "default-namespace", says: `metadata.namespace is "default"`, edits: edits(set("ConfigMap redis-config", "metadata.namespace", "default"))},
	"no namespace":      {policy: "default-namespace", says: "metadata.namespace is not set", edits: edits(unset("ServiceAccount app", "metadata.namespace"))},

	"weaker standard": {policy: "namespace-restricted", says: `enforce"] is "baseline", allowed: restricted`, edits: edits(set("Namespace scalestack", `metadata.labels["pod-security.kubernetes.io/enforce"]`, "baseline"))},
	"no standard":     {policy: "namespace-restricted", says: "is not set", edits: edits(unset("Namespace scalestack", `metadata.labels["pod-security.kubernetes.io/enforce"]`))},

	"no part-of":          {policy: "names-and-labels", says: `part-of"] is not set`, edits: edits(unset("ConfigMap shard-map-*", `metadata.labels["app.kubernetes.io/part-of"]`))},
	"other product":       {policy: "names-and-labels", says: `is "other", allowed: scalestack`, config: map[string]any{"partOf": "scalestack"}, edits: edits(set("ConfigMap shard-map-*", `metadata.labels["app.kubernetes.io/part-of"]`, "other"))},
	"no labels":           {policy: "names-and-labels", says: `name"] is not set`, edits: edits(unset("Secret redis-app", "metadata.labels"))},
	"pods not labelled":   {policy: "names-and-labels", says: "spec.template.metadata.labels", edits: edits(unset(web, `spec.template.metadata.labels["app.kubernetes.io/managed-by"]`))},
	"upper-case name":     {policy: "names-and-labels", says: `metadata.name is "Redis"`, edits: edits(set("ConfigMap redis-config", "metadata.name", "Redis"))},
	"name left to Pulumi": {policy: "names-and-labels", says: "metadata.name is not set", edits: edits(unset("Secret redis-app", "metadata.name"))},

	"node port type":   {policy: "service-exposure", says: `spec.type is "NodePort"`, edits: edits(set("Service app", "spec.type", "NodePort"))},
	"node port":        {policy: "service-exposure", says: "ports[0].nodePort is 30080", edits: edits(set("Service app", "spec.ports[0].nodePort", 30080.0))},
	"load balancer":    {policy: "service-exposure", says: "allocateLoadBalancerNodePorts is not set", edits: edits(set("Service app", "spec.type", "LoadBalancer"))},
	"external address": {policy: "service-exposure", says: `externalIPs is ["192.0.2.1"]`, edits: edits(set("Service redis", "spec.externalIPs", []any{"192.0.2.1"}))},

	"two pods":         {policy: "autoscaler-minimum", says: "minReplicas is 2, allowed: at least 3", edits: edits(set("HorizontalPodAutoscaler app", "spec.minReplicas", 2.0))},
	"minimum left out": {policy: "autoscaler-minimum", says: "minReplicas is not set", edits: edits(unset("HorizontalPodAutoscaler app", "spec.minReplicas"))},
	"more demanded":    {policy: "autoscaler-minimum", says: "is 3, allowed: at least 5", config: map[string]any{"minimum": 5.0}},

	"service name left out":   {policy: "statefulset-fixed", says: "serviceName is not set", edits: edits(unset(db, "spec.serviceName"))},
	"pod management left out": {policy: "statefulset-fixed", says: "podManagementPolicy is not set", edits: edits(unset(db, "spec.podManagementPolicy"))},
	"history left out":        {policy: "statefulset-fixed", says: "revisionHistoryLimit is not set", edits: edits(unset(db, "spec.revisionHistoryLimit"))},
	"claim template":          {policy: "statefulset-fixed", says: "volumeClaimTemplates is set", edits: edits(set(db, "spec.volumeClaimTemplates", []any{map[string]any{}}))},
	"version in the selector": {policy: "statefulset-fixed", says: `matchLabels.version is "2"`, edits: edits(
		set(db, "spec.selector.matchLabels.version", "2"), set(db, "spec.template.metadata.labels.version", "2"))},

	"claims go with the set":    {policy: "volumes-kept", says: `whenDeleted is "Delete"`, edits: edits(set(db, "spec.persistentVolumeClaimRetentionPolicy.whenDeleted", "Delete"))},
	"claims go when scaled":     {policy: "volumes-kept", says: `whenScaled is "Delete"`, edits: edits(set(db, "spec.persistentVolumeClaimRetentionPolicy.whenScaled", "Delete"))},
	"claims go with the broker": {policy: "volumes-kept", only: "staging", says: "deleteClaim is true", edits: edits(set("KafkaNodePool brokers", "spec.storage.volumes[0].deleteClaim", true))},

	"claim deleted":     {policy: "data-retained", says: "PersistentVolumeClaim scalestack/data-postgres-shard-0-0: the option retainOnDelete is false", edits: edits(options("PersistentVolumeClaim data-postgres-shard-0-0", rule.Options{Protect: true}))},
	"namespace deleted": {policy: "data-retained", says: "Namespace scalestack: the option retainOnDelete is false", edits: edits(options("Namespace scalestack", rule.Options{}))},
	"shard unprotected": {policy: "data-retained", only: "prod", says: "the option protect is false", edits: edits(options(db, rule.Options{}))},
}
