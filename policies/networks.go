package main

import (
	"slices"

	"github.com/scalestack/scalestack/policies/rule"
)

var directions = []string{"Ingress", "Egress"}

// networkCovered asks for a policy of its own for every workload.
var networkCovered = rule.Rule{
	Name: "network-covered",
	Description: "Every pod is covered by a NetworkPolicy of its own in both directions: who may call it and whom it " +
		"may call is written down. No policy for some pods, an operator's among them, is open to everybody on every port.",
	OursOnly: true,
	All: func(c *rule.Check, g rule.Graph) {
		for _, direction := range directions {
			for _, patch := range g.Patches("NetworkPolicy") {
				refuseOpen(c, patch, direction, networkRule.everything)
			}
			for _, policy := range g.Of("NetworkPolicy") {
				if !selectsAll(policy.At("spec", "podSelector")) && governs(policy, direction) {
					refuseOpen(c, policy, direction, networkRule.everything)
				}
			}
		}
		for _, p := range allPods(g) {
			if !p.Owner.Ours() {
				continue
			}
			for _, direction := range directions {
				own := covering(g, p.Owner, direction, func(selector rule.Node) bool {
					return !selectsAll(selector) && selects(selector, p.Labels) != no
				})
				if len(own) == 0 {
					c.Report(p.Owner, "its traffic", "covered by no NetworkPolicy of its own for "+direction,
						"one that selects its pods and has "+direction+" in policyTypes",
						"add a NetworkPolicy that lists its callers and targets")
				}
			}
		}
	},
}

// networkDenied closes what no other policy opens.
var networkDenied = rule.Rule{
	Name:        "network-default-deny",
	Description: "A namespace refuses all traffic that no policy allows, also for pods that an operator or a person makes.",
	All: func(c *rule.Check, g rule.Graph) {
		for _, namespace := range g.Of("Namespace") {
			if !namespace.At("metadata", "name").Known() {
				continue
			}
			within := rule.Resource{Properties: map[string]any{"metadata": map[string]any{"namespace": nameOf(namespace)}}}
			for _, direction := range directions {
				all := covering(g, within, direction, func(selector rule.Node) bool {
					return selectsAll(selector) || !selector.Known()
				})
				if len(all) == 0 {
					c.Report(namespace, "traffic nobody allowed", "not refused for "+direction,
						"a NetworkPolicy with an empty podSelector and no rules for "+direction,
						"add a NetworkPolicy default-deny to the namespace")
				}
				for _, policy := range all {
					if selectsAll(policy.At("spec", "podSelector")) {
						refuseOpen(c, policy, direction, networkRule.anyone)
					}
				}
			}
		}
	},
}

// covering are the policies near a resource that govern a direction and whose
// podSelector is one that selects accepts.
func covering(g rule.Graph, near rule.Resource, direction string, selects func(rule.Node) bool) []rule.Resource {
	var found []rule.Resource
	for _, policy := range g.Of("NetworkPolicy") {
		if together(policy, near) && selects(policy.At("spec", "podSelector")) && governs(policy, direction) {
			found = append(found, policy)
		}
	}
	return found
}

// governs reads a policy without policyTypes as the API server does: it governs what comes in,
// and what goes out where it has rules for that.
func governs(policy rule.Resource, direction string) bool {
	types, known := policy.At("spec", "policyTypes").Texts()
	if known && len(types) == 0 {
		egress := policy.At("spec", "egress")
		return direction == "Ingress" || !egress.Known() || len(egress.Items()) > 0
	}
	return !known || slices.Contains(types, direction)
}

// refuseOpen reports the rules of one direction that open says allow too much.
// Policies add up, so one such rule undoes all others.
func refuseOpen(c *rule.Check, policy rule.Resource, direction string, open func(networkRule) bool) {
	for _, one := range networkRules(policy, direction) {
		if open(one) {
			c.Refuse(policy, one.node, "the peers and ports that the pods need",
				"name the peers: a rule without any allows everybody, whatever other policies say")
		}
	}
}
