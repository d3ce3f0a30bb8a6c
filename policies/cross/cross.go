// Package cross holds the policies that hold objects of a cluster against each
// other.
package cross

import (
	"github.com/scalestack/scalestack/policies/kube"
	"github.com/scalestack/scalestack/policies/rule"
)

// group is a set of equal pods, made by a workload or by an operator.
type group struct {
	owner  rule.Resource
	labels rule.Node
	// foreign is for pods that an operator makes: their labels are known, their
	// containers are not.
	foreign bool
	pods    kube.Pods
}

func groups(g rule.Graph) []group {
	var all []group
	for _, p := range kube.AllPods(g) {
		all = append(all, group{owner: p.Owner, labels: p.Labels, pods: p})
	}
	for _, cluster := range g.Of("Kafka") {
		if !cluster.Kubernetes() {
			continue
		}
		name := kube.Name(cluster)
		parts := []string{name + "-entity-operator", name + "-cruise-control", name + "-kafka-exporter"}
		for _, part := range parts {
			all = append(all, strimzi(cluster, map[string]any{"strimzi.io/cluster": name, "strimzi.io/name": part}))
		}
	}
	for _, pool := range g.Of("KafkaNodePool") {
		cluster := pool.At("metadata", "labels", "strimzi.io/cluster").Text()
		all = append(all, strimzi(pool, map[string]any{
			"strimzi.io/cluster": cluster, "strimzi.io/pool-name": kube.Name(pool), "strimzi.io/name": cluster + "-kafka",
		}))
	}
	for _, chart := range g.Of("Chart") {
		all = append(all, strimzi(chart, map[string]any{"strimzi.io/kind": "cluster-operator"}))
	}
	return all
}

func strimzi(owner rule.Resource, labels map[string]any) group {
	return group{owner: owner, labels: rule.NewNode(labels), foreign: true}
}

// near is true for pods that are, or may be, in the namespace of r. Charts are
// components and have no namespace of their own to go by.
func (p group) near(r rule.Resource) bool {
	return p.owner.Kind() == "Chart" || kube.Together(p.owner, r)
}

// selected returns the pods in the namespace of r that a label selector selects
// or may select.
func selected(all []group, r rule.Resource, selector rule.Node) []group {
	var found []group
	for _, p := range all {
		if p.near(r) && kube.Selects(selector, p.labels) != kube.No {
			found = append(found, p)
		}
	}
	return found
}

// served returns the pods behind a Service that match it at least as surely.
func served(all []group, service rule.Resource, surely kube.Match) []group {
	var found []group
	for _, p := range all {
		if p.near(service) && kube.SelectsPlain(service.At("spec", "selector"), p.labels) >= surely {
			found = append(found, p)
		}
	}
	return found
}
