package main

import (
	"fmt"

	"github.com/scalestack/scalestack/policies/rule"
)

const (
	somePods  = "labels of pods in the same namespace"
	fixLabels = "make the selector and the pods' labels equal, or remove the object"
)

// selectorMatches finds objects that do nothing, because what they point at is not
// there.
var selectorMatches = rule.Rule{
	Name:        "selector-matches",
	Description: "What an object selects exists: a Service, budget, policy or autoscaler for nothing is a typing mistake.",
	All: func(c *rule.Check, g rule.Graph) {
		all := groups(g)
		for _, r := range g {
			if !r.Kubernetes() || r.Patch() {
				continue
			}
			switch r.Kind() {
			case "Service":
				serviceSelector(c, r, all)
			case "PodDisruptionBudget":
				requireMatch(c, r, r.At("spec", "selector"), all)
			case "NetworkPolicy":
				policySelectors(c, r, all)
			case "HorizontalPodAutoscaler", "ScaledObject":
				scaleTarget(c, r, g)
			}
			for _, pods := range podsIn(r) {
				ownPods(c, pods)
			}
		}
	},
}

func serviceSelector(c *rule.Check, r rule.Resource, all []podGroup) {
	if n := r.At("spec", "selector"); len(n.Keys()) > 0 && len(served(all, r, maybe)) == 0 {
		c.Refuse(r, n, somePods, fixLabels)
	}
}

func requireMatch(c *rule.Check, r rule.Resource, n rule.Node, all []podGroup) {
	if n.IsObject() && !selectsAll(n) && len(selected(all, r, n)) == 0 {
		c.Refuse(r, n, somePods, fixLabels)
	}
}

// policySelectors are the pods of the policy and the peers in its own namespace.
func policySelectors(c *rule.Check, r rule.Resource, all []podGroup) {
	requireMatch(c, r, r.At("spec", "podSelector"), all)
	for _, direction := range []struct{ rules, peers string }{{"ingress", "from"}, {"egress", "to"}} {
		for _, one := range r.At("spec", direction.rules).Items() {
			for _, peer := range one.At(direction.peers).Items() {
				if peer.At("namespaceSelector").Absent() {
					requireMatch(c, r, peer.At("podSelector"), all)
				}
			}
		}
	}
}

// ownPods must be selected by the workload itself.
func ownPods(c *rule.Check, p podTemplate) {
	selector := p.Owner.At("spec", "selector")
	if p.Owner.Kind() != "ReplicationController" && selector.IsObject() && selects(selector, p.Labels) == no {
		c.Refuse(p.Owner, selector, "the labels of its own pods: "+p.Labels.String(), fixLabels)
	}
}

func scaleTarget(c *rule.Check, r rule.Resource, g rule.Graph) {
	target := r.At("spec", "scaleTargetRef")
	kind, name := scaleTargetOf(r)
	if kind == "" || !target.At("name").Known() {
		return
	}
	owner, ok := named(g, kind, name, r)
	if !ok && nameless(g, kind) {
		return
	}
	if !ok {
		c.Report(r, target.Path(), kind+" "+name+", which does not exist", "a workload of this stack",
			"name the workload as its metadata.name does")
		return
	}
	scaledContainers(c, r, owner)
}

// scaledContainers are those whose metrics the autoscaler asks for: without
// such a container it gets no figure and never scales down.
func scaledContainers(c *rule.Check, r, owner rule.Resource) {
	found := podsIn(owner)
	if len(found) != 1 {
		return
	}
	pods, names := found[0], map[string]bool{}
	for _, container := range pods.Main() {
		if !container.At("name").Known() {
			return
		}
		names[container.At("name").Text()] = true
	}
	for _, n := range containersAsked(r) {
		if n.IsText() && pods.Spec.At("containers").Known() && !names[n.Text()] {
			c.Refuse(r, n, fmt.Sprintf("a container of %s", owner), "name one of the pod's containers")
		}
	}
}

// containersAsked name the containers whose use is measured.
func containersAsked(r rule.Resource) []rule.Node {
	var all []rule.Node
	for _, metric := range r.At("spec", "metrics").Items() {
		all = append(all, metric.At("containerResource", "container"))
	}
	for _, trigger := range r.At("spec", "triggers").Items() {
		all = append(all, trigger.At("metadata", "containerName"))
	}
	return all
}
