package main

import (
	"fmt"

	"github.com/scalestack/scalestack/policies/rule"
)

// budgetRequired asks for a budget where one can help.
var budgetRequired = rule.Rule{
	Name: "budget-required",
	Description: "A workload with 2 or more replicas has a PodDisruptionBudget, so that a drain of nodes does not take " +
		"all pods at once.",
	All: func(c *rule.Check, g rule.Graph) {
		for _, p := range allPods(g) {
			replicas := replicasOf(g, p.Owner)
			if !p.Steady() || !replicas.Known || replicas.Max < 2 || budgeted(g, p) {
				continue
			}
			c.Report(p.Owner, "the workload", fmt.Sprintf("without a PodDisruptionBudget for its up to %d pods", replicas.Max),
				"one budget that selects its pods", "add a PodDisruptionBudget with maxUnavailable 1 and the pods' labels")
		}
	},
}

func budgeted(g rule.Graph, p podTemplate) bool {
	for _, budget := range g.Of("PodDisruptionBudget") {
		if together(budget, p.Owner) && selects(budget.At("spec", "selector"), p.Labels) != no {
			return true
		}
	}
	return false
}

// budgetSingle keeps two budgets from one pod: each eviction of it fails with
// "more than one PodDisruptionBudget", whatever the budgets allow.
var budgetSingle = rule.Rule{
	Name: "budget-single",
	Description: "A pod has one PodDisruptionBudget: Kubernetes refuses every eviction of one with two, so that its node " +
		"can never be drained. Strimzi makes one for Kafka's nodes itself.",
	All: func(c *rule.Check, g rule.Graph) {
		for _, p := range groups(g) {
			first := ""
			if p.foreign && p.owner.Kind() == "KafkaNodePool" {
				first = "Strimzi's own"
			}
			for _, budget := range g.Of("PodDisruptionBudget") {
				if budget.String() == first || !together(budget, p.owner) || selects(budget.At("spec", "selector"), p.labels) != yes {
					continue
				}
				if first != "" {
					c.Report(budget, "spec.selector", fmt.Sprintf("one that selects pods of %s, as %s does", p.owner, first),
						"one budget for each pod", "remove one of them, or narrow its selector")
				}
				first = budget.String()
			}
		}
	},
}

// budgetFloor keeps a budget from forbidding every eviction.
var budgetFloor = rule.Rule{
	Name: "budget-floor",
	Description: "A PodDisruptionBudget's floor is below the fewest pods there are, for an autoscaler its minimum: " +
		"otherwise no node can ever be drained.",
	All: func(c *rule.Check, g rule.Graph) {
		all := groups(g)
		for _, budget := range g.Of("PodDisruptionBudget") {
			total, known := fewest(g, selected(all, budget, budget.At("spec", "selector")))
			if known && total > 0 {
				floorBelow(c, budget, total)
			}
		}
	},
}

func fewest(g rule.Graph, pods []podGroup) (total int, known bool) {
	for _, p := range pods {
		if p.foreign || !p.pods.Steady() {
			continue
		}
		replicas := replicasOf(g, p.owner)
		if !replicas.Known {
			return 0, false
		}
		total += replicas.Min
	}
	return total, true
}

func floorBelow(c *rule.Check, budget rule.Resource, total int) {
	least, most := budget.At("spec", "minAvailable"), budget.At("spec", "maxUnavailable")
	kept, ok := share(least, total)
	if ok && kept >= total {
		c.Refuse(budget, least, fmt.Sprintf("below %d, the fewest pods that it covers", total),
			"use maxUnavailable 1 in its place, or raise the autoscaler's minimum")
	}
	if gone, ok := share(most, total); ok && gone < 1 {
		c.Refuse(budget, most, "1 or more", "set maxUnavailable to 1")
	}
}
