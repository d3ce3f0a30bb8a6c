package main

import (
	"slices"
	"strings"

	"github.com/scalestack/scalestack/policies/rule"
)

var (
	// widest are the built-in roles that hold all rights, or may read every Secret and start
	// every pod.
	widest = []string{"cluster-admin", "admin", "edit"}
	// everybody are the groups and the user that a binding cannot tell apart from strangers.
	everybody = []string{"system:masters", "system:authenticated", "system:unauthenticated", "system:anonymous", "system:serviceaccounts"}
)

// rbacBindings keeps the widest rights from accounts, and all rights from everybody.
var rbacBindings = rule.Rule{
	Name: "rbac-bindings",
	Description: "No binding gives one of the roles cluster-admin, admin and edit, and none is for everybody or for the account " +
		"default, which every pod has that names no other (Kubernetes: RBAC good practices).",
	Each: kinds(func(c *rule.Check, r rule.Resource) {
		if n := r.At("roleRef", "name"); r.At("roleRef", "kind").Text() == "ClusterRole" && slices.Contains(widest, n.Text()) {
			c.Refuse(r, n, "a role with the rights that the program needs", "declare a Role that names them, and bind that")
		}
		for _, subject := range r.At("subjects").Items() {
			n := subject.At("name")
			all := slices.Contains(everybody, n.Text()) || strings.HasPrefix(n.Text(), "system:serviceaccounts:")
			if all || defaultAccount(subject.At("kind").Text(), n.Text()) {
				c.Refuse(r, n, "an account of one program", "give the program a ServiceAccount of its own, and bind that")
			}
		}
	}, "RoleBinding", "ClusterRoleBinding"),
}

// defaultAccount knows an account by the name that it has as a user, too.
func defaultAccount(kind, name string) bool {
	if kind == "ServiceAccount" {
		return name == "default"
	}
	return strings.HasPrefix(name, "system:serviceaccount:") && strings.HasSuffix(name, ":default")
}

// rbacRights keeps roles to what their programs do. A chart's operator is the vendor's choice.
var rbacRights = rule.Rule{
	Name: "rbac-rights",
	Description: "A role names its rights, without wildcards, and holds none that leads to others: reading Secrets that it does not " +
		"name, entering pods, acting as another account, changing roles or admission (Kubernetes: RBAC good practices).",
	OursOnly: true,
	Each: kinds(func(c *rule.Check, r rule.Resource) {
		if n := r.At("aggregationRule"); n.Set() {
			c.Report(r, n.Path(), "set", "not set", "list the rights in rules: whoever labels another role would add to this one")
		}
		for _, one := range r.At("rules").Items() {
			noWildcards(c, r, one)
			noEscalation(c, r, one)
		}
	}, "Role", "ClusterRole"),
}

func noWildcards(c *rule.Check, r rule.Resource, one rule.Node) {
	for _, field := range []string{"apiGroups", "resources", "verbs", "nonResourceURLs"} {
		for _, n := range one.At(field).Items() {
			// A path below a URL, such as /metrics/*, is no wildcard of rights.
			if n.Text() == "*" || field == "resources" && strings.HasPrefix(n.Text(), "*/") {
				c.Refuse(r, n, "names", "name what the program uses: a wildcard holds kinds and verbs that do not exist yet too")
			}
		}
	}
}

// escalations are resources, with the verbs that lead to other rights. Verbs without a
// resource hold for all.
var escalations = []struct {
	resources, verbs []string
	// named allows the right on objects that the rule names.
	named bool
}{
	{nil, []string{"escalate", "bind", "impersonate"}, false},
	{[]string{"secrets"}, []string{"get"}, true},
	{[]string{"secrets"}, []string{"list", "watch"}, false},
	{[]string{"pods/exec", "pods/attach", "pods/portforward", "pods/ephemeralcontainers"}, []string{"get", "create", "update", "patch"}, false},
	{[]string{"nodes/proxy", "pods/proxy", "services/proxy"}, []string{"get", "create", "update", "patch"}, false},
	{[]string{"serviceaccounts/token"}, []string{"create"}, false},
	{[]string{"roles", "rolebindings", "clusterroles", "clusterrolebindings"}, []string{"create", "update", "patch"}, false},
	{[]string{"mutatingwebhookconfigurations", "validatingwebhookconfigurations"}, []string{"create", "update", "patch"}, false},
	{[]string{"namespaces"}, []string{"update", "patch"}, false},
	{[]string{"persistentvolumes"}, []string{"create"}, false},
	{[]string{"certificatesigningrequests/approval"}, []string{"update", "patch"}, false},
	// Whoever starts a pod reads every Secret of the namespace and has every account of it; so does
	// who changes what starts pods. A pod that runs can get another image and nothing else.
	{[]string{"pods"}, []string{"create"}, false},
	{[]string{"deployments", "statefulsets", "daemonsets", "replicasets", "jobs", "cronjobs", "replicationcontrollers", "podtemplates",
		"scaledjobs", "rollouts"}, []string{"create", "update", "patch"}, false},
}

func noEscalation(c *rule.Check, r rule.Resource, one rule.Node) {
	resources, _ := one.At("resources").Texts()
	named := len(one.At("resourceNames").Items()) > 0 || !one.At("resourceNames").Known()
	for _, right := range escalations {
		i := slices.IndexFunc(resources, func(name string) bool { return right.resources == nil || slices.Contains(right.resources, name) })
		if i < 0 || right.named && named {
			continue
		}
		for _, verb := range one.At("verbs").Items() {
			if slices.Contains(right.verbs, verb.Text()) {
				c.Report(r, verb.Path(), verb.Text()+" of "+resources[i], rightAllowed(right.named), "remove it: it leads to more rights than the role names")
			}
		}
	}
}

func rightAllowed(named bool) string {
	if named {
		return "Secrets that resourceNames names"
	}
	return "rights that lead to no others"
}
