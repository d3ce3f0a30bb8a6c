package main

import (
	"github.com/scalestack/scalestack/policies/rule"
)

// podGroup is a set of equal pods, created by a workload or by an operator.
type podGroup struct {
	owner  rule.Resource
	labels rule.Node
	// foreign is for pods that an operator makes: their labels are known, their
	// containers are not.
	foreign bool
	pods    podTemplate
}

func groups(g rule.Graph) []podGroup {
	var all []podGroup
	for _, p := range allPods(g) {
		all = append(all, podGroup{owner: p.Owner, labels: p.Labels, pods: p})
	}
	for _, cluster := range g.Of("Kafka") {
		if !cluster.Kubernetes() {
			continue
		}
		name := nameOf(cluster)
		parts := []string{name + "-entity-operator", name + "-cruise-control", name + "-kafka-exporter"}
		for _, part := range parts {
			all = append(all, strimzi(cluster, map[string]any{"strimzi.io/cluster": name, "strimzi.io/name": part}))
		}
	}
	for _, pool := range g.Of("KafkaNodePool") {
		cluster := pool.At("metadata", "labels", "strimzi.io/cluster").Text()
		all = append(all, strimzi(pool, map[string]any{
			"strimzi.io/cluster": cluster, "strimzi.io/pool-name": nameOf(pool), "strimzi.io/name": cluster + "-kafka",
		}))
	}
	for _, chart := range g.Of("Chart") {
		all = append(all, strimzi(chart, map[string]any{"strimzi.io/kind": "cluster-operator"}))
	}
	return all
}

func strimzi(owner rule.Resource, labels map[string]any) podGroup {
	return podGroup{owner: owner, labels: rule.NewNode(labels), foreign: true}
}

// near is true for pods that are, or may be, in the namespace of r. Charts are
// components and have no namespace of their own to go by.
func (p podGroup) near(r rule.Resource) bool {
	return p.owner.Kind() == "Chart" || together(p.owner, r)
}

// selected returns the pods in the namespace of r that a label selector selects
// or may select.
func selected(all []podGroup, r rule.Resource, selector rule.Node) []podGroup {
	var found []podGroup
	for _, p := range all {
		if p.near(r) && selects(selector, p.labels) != no {
			found = append(found, p)
		}
	}
	return found
}

// served returns the pods behind a Service that match it at least as surely.
func served(all []podGroup, service rule.Resource, surely match) []podGroup {
	var found []podGroup
	for _, p := range all {
		if p.near(service) && selectsMap(service.At("spec", "selector"), p.labels) >= surely {
			found = append(found, p)
		}
	}
	return found
}
