package main

import (
	"slices"
	"strings"

	"github.com/scalestack/scalestack/policies/rule"
)

// tokenUsed keeps credentials of the API server out of pods that have no use
// for them.
var tokenUsed = rule.Rule{
	Name: "token-used",
	Description: "A pod gets a token for the API server, mounted by Kubernetes or by a projected volume, only if a role is bound to " +
		"its account: otherwise the token serves intruders alone.",
	All: func(c *rule.Check, g rule.Graph) {
		for _, p := range slices.Concat(allPods(g), patchedPods(g)) {
			account := accountOf(p)
			if !account.Known() && !p.Owner.Patch() || account.Known() && bound(g, p, account.Text()) {
				continue
			}
			mountedToken(c, g, p, account)
			for _, n := range projectedTokens(p) {
				c.Report(p.Owner, n.Path(), "a token for the API server", "none, or a RoleBinding for the account "+account.String(),
					"remove the source, or state the audience that the token is for")
			}
		}
	},
}

// mountedToken is the one that Kubernetes mounts unless the pod or its account refuses it.
func mountedToken(c *rule.Check, g rule.Graph, p podTemplate, account rule.Node) {
	n := p.Spec.At("automountServiceAccountToken")
	if !n.Known() || n.False() || n.Absent() && !mountsByDefault(g, p, account.Text()) {
		return
	}
	c.Refuse(p.Owner, n, "false, or a RoleBinding for the account "+account.String(),
		"set automountServiceAccountToken to false in the pod's spec")
}

// mountsByDefault is what the account says. A Patch of someone else's account may say it too.
func mountsByDefault(g rule.Graph, p podTemplate, account string) bool {
	made, ok := named(g, "ServiceAccount", account, p.Owner)
	if own := made.At("automountServiceAccountToken"); ok {
		return own.Known() && !own.False()
	}
	return !slices.ContainsFunc(g.Patches("ServiceAccount"), func(patch rule.Resource) bool {
		return nameOf(patch) == account && together(patch, p.Owner) && patch.At("automountServiceAccountToken").False()
	})
}

// projectedTokens are those that the pod mounts by itself and that the API server accepts:
// one for another audience is none of them.
func projectedTokens(p podTemplate) []rule.Node {
	var found []rule.Node
	for _, volume := range p.Spec.At("volumes").Items() {
		for _, source := range volume.At("projected", "sources").Items() {
			token := source.At("serviceAccountToken")
			if token.Set() && forServer(token.At("audience")) {
				found = append(found, token)
			}
		}
	}
	return found
}

func forServer(audience rule.Node) bool {
	return audience.Absent() || audience.Known() && (audience.Text() == "" || strings.Contains(audience.Text(), "kubernetes"))
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
