package main

import (
	"github.com/scalestack/scalestack/policies/rule"
)

// tokenUsed keeps credentials of the API server out of pods that have no use
// for them.
var tokenUsed = rule.Rule{
	Name: "token-used",
	Description: "A pod gets a token for the API server only if a role is bound to its account: otherwise the token " +
		"serves intruders alone.",
	All: func(c *rule.Check, g rule.Graph) {
		for _, p := range allPods(g) {
			n := p.Spec.At("automountServiceAccountToken")
			account := accountOf(p)
			if !n.Known() || n.False() || !account.Known() || bound(g, p, account.Text()) {
				continue
			}
			made, ok := named(g, "ServiceAccount", account.Text(), p.Owner)
			if own := made.At("automountServiceAccountToken"); n.Absent() && ok && (own.False() || !own.Known()) {
				continue
			}
			c.Refuse(p.Owner, n, "false, or a RoleBinding for the account "+account.String(),
				"set automountServiceAccountToken to false in the pod's spec")
		}
	},
}

func accountOf(p podTemplate) rule.Node {
	n := p.Spec.At("serviceAccountName")
	if n.Absent() {
		return rule.NewNode("default")
	}
	return n
}

func bound(g rule.Graph, p podTemplate, account string) bool {
	for _, binding := range g.Of("RoleBinding", "ClusterRoleBinding") {
		for _, subject := range binding.At("subjects").Items() {
			if subject.At("kind").Text() == "ServiceAccount" && subject.At("name").Text() == account &&
				(subject.At("namespace").Absent() || subject.At("namespace").Text() == namespaceOf(p.Owner).Text()) {
				return true
			}
		}
	}
	return false
}
