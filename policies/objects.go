package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/scalestack/scalestack/policies/rule"
	"k8s.io/apimachinery/pkg/util/validation"
)

// kinds makes a policy's function of one that looks at some kinds of object.
func kinds(look func(*rule.Check, rule.Resource), names ...string) func(*rule.Check, rule.Resource) {
	return func(c *rule.Check, r rule.Resource) {
		if r.Kubernetes() && slices.Contains(names, r.Kind()) {
			look(c, r)
		}
	}
}

// defaultNamespace keeps objects where rules apply to them.
var defaultNamespace = rule.Rule{
	Name: "default-namespace",
	Description: "Every object is in a namespace of its own stack: default has no network policy and enforces no Pod " +
		"Security Standard.",
	Each: func(c *rule.Check, r rule.Resource) {
		n := namespaceOf(r)
		if !r.Kubernetes() || r.ClusterWide() || !n.Known() {
			return
		}
		if n.Text() == "" || n.Text() == "default" {
			c.Refuse(r, n, "any namespace but default", "set metadata.namespace to the stack's namespace")
		}
	},
}

// namespaceRestricted makes the cluster enforce what the pod policies check.
var namespaceRestricted = rule.Rule{
	Name:        "namespace-restricted",
	Description: "A namespace enforces the Pod Security Standard restricted as it is today, also for pods that no stack has made.",
	Each: kinds(func(c *rule.Check, r rule.Resource) {
		n := r.At("metadata", "labels", "pod-security.kubernetes.io/enforce")
		if n.Known() && n.Text() != "restricted" {
			c.Refuse(r, n, "restricted", "set the label to restricted")
		}
		if n := r.At("metadata", "labels", "pod-security.kubernetes.io/enforce-version"); n.Set() && outdated(n.Text()) {
			c.Refuse(r, n, "latest, or v1.25 or later", "remove the label: without it the newest version holds")
		}
	}, "Namespace"),
}

// outdated holds for a version of the standard that lacks rules of today's: the last came with
// 1.25 (Kubernetes: Pod Security Standards).
func outdated(version string) bool {
	if version == "latest" {
		return false
	}
	minor, err := strconv.Atoi(strings.TrimPrefix(version, "v1."))
	return err != nil || minor < 25
}

var identifying = []string{
	"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/part-of", "app.kubernetes.io/managed-by",
}

// namesAndLabels makes objects findable by people and by other objects.
var namesAndLabels = rule.Rule{
	Name: "names-and-labels",
	Description: "Every object has an explicit name, so that others can refer to it and an update is no replacement, " +
		"and the recommended labels, so that it can be found and charged to someone.",
	OursOnly: true,
	Settings: []rule.Setting{{
		Name: "partOf", Meaning: "what app.kubernetes.io/part-of says; empty allows every product", Default: "",
	}},
	Each: func(c *rule.Check, r rule.Resource) {
		if !r.Kubernetes() {
			return
		}
		if n := r.At("metadata", "name"); n.Known() && len(validation.IsDNS1123Subdomain(n.Text())) > 0 {
			c.Refuse(r, n, "a name of lower-case letters, digits, '-' and '.'", "set metadata.name")
		}
		recommendedLabels(c, r, r.At("metadata", "labels"))
		if r.Kind() == "Pod" {
			return
		}
		for _, pods := range podsIn(r) {
			recommendedLabels(c, r, pods.Labels)
		}
	},
}

func recommendedLabels(c *rule.Check, r rule.Resource, all rule.Node) {
	for _, key := range identifying {
		n := all.At(key)
		switch {
		case !n.Known():
		case n.Text() == "":
			c.Refuse(r, n, "a label with a value", "add the label")
		case key == "app.kubernetes.io/part-of" && c.Text("partOf") != "" && n.Text() != c.Text("partOf"):
			c.Refuse(r, n, c.Text("partOf"), "set the label to the product's name")
		}
	}
}

// oneOwner keeps two resources from undoing each other. A Patch shares an object of
// someone else by design.
var oneOwner = rule.Rule{
	Name: "one-owner",
	Description: "No two resources of a stack declare the same object, whatever version of its API each of them uses, and none " +
		"patches an object of the stack: they overwrite each other at every deployment, and the one that goes deletes the other's " +
		"object or fields.",
	Unmerged: true,
	All: func(c *rule.Check, g rule.Graph) {
		first := map[string]rule.Resource{}
		for _, r := range g {
			key, ok := r.Object()
			if !ok || r.Patch() {
				continue
			}
			if other, taken := first[key]; taken {
				c.Report(r, "the object", "declared by "+other.URN+" too", "one resource for each object",
					"remove one of the two, or give its object another name")
				continue
			}
			first[key] = r
		}
		patchedOwn(c, g, first)
	},
}

func patchedOwn(c *rule.Check, g rule.Graph, owners map[string]rule.Resource) {
	for _, r := range g {
		key, ok := r.Object()
		if owner, own := owners[key]; ok && own && r.Patch() {
			c.Report(r, "the object", "declared by "+owner.URN, "a Patch of what no resource of the stack declares",
				"set the fields where the object is declared")
		}
	}
}
