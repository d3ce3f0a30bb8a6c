package main

import (
	"fmt"

	"github.com/scalestack/scalestack/policies/rule"
)

// spreadWithinShard keeps one shard's volumes from blocking another's pods.
var spreadWithinShard = rule.Rule{
	Name: "spread-within-shard",
	Description: "A topology spread constraint with DoNotSchedule selects the pods of one StatefulSet at most: volumes tie " +
		"shards to their zones, so that a rule across shards leaves healthy ones unschedulable once the count of shards or zones changes.",
	All: func(c *rule.Check, g rule.Graph) {
		for _, p := range allPods(g) {
			for _, constraint := range p.Spec.At("topologySpreadConstraints").Items() {
				insist := constraint.At("whenUnsatisfiable")
				if sets := setsSelected(g, p, constraint); insist.Text() == "DoNotSchedule" && sets > 1 {
					c.Report(p.Owner, insist.Path(), fmt.Sprintf("DoNotSchedule over %d StatefulSets", sets),
						"ScheduleAnyway, or a labelSelector that selects the pods of one StatefulSet",
						"set whenUnsatisfiable to ScheduleAnyway")
				}
			}
		}
	},
}

// setsSelected counts the StatefulSets whose pods a constraint of p surely
// counts. With matchLabelKeys they carry the same values as p itself.
func setsSelected(g rule.Graph, p podTemplate, constraint rule.Node) (sets int) {
	for _, set := range g.Of("StatefulSet") {
		other, ok := podsOf(set)
		counted := ok && together(set, p.Owner) && selects(constraint.At("labelSelector"), other.Labels) == yes
		for _, key := range constraint.At("matchLabelKeys").Items() {
			counted = counted && same(p.Labels.At(key.Text()), other.Labels.At(key.Text())) == yes
		}
		if counted {
			sets++
		}
	}
	return sets
}
