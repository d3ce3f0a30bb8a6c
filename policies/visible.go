package main

import (
	"strings"

	"github.com/scalestack/scalestack/policies/rule"
)

// fetchers are the kinds that make an operator fetch objects from elsewhere and apply them.
var fetchers = map[string]bool{
	"argoproj.io/Application": true, "argoproj.io/ApplicationSet": true,
	"helm.toolkit.fluxcd.io/HelmRelease": true, "kustomize.toolkit.fluxcd.io/Kustomization": true,
	"fluxcd.controlplane.io/ResourceSet": true,
	"helm.cattle.io/HelmChart":           true, "helm.cattle.io/HelmChartConfig": true,
	"fleet.cattle.io/GitRepo": true, "fleet.cattle.io/HelmOp": true, "fleet.cattle.io/Bundle": true,
	"kappctrl.k14s.io/App": true, "packaging.carvel.dev/PackageInstall": true,
	"kubernetes.crossplane.io/Object": true, "helm.crossplane.io/Release": true,
	"core.oam.dev/Application": true, "pulumi.com/Stack": true,
}

// contentVisible keeps out what would pass every other policy unseen.
var contentVisible = rule.Rule{
	Name: "content-visible",
	Description: "Every object is a resource of its own and of its own type: what a Helm Release, a List or an operator's " +
		"application brings, and what calls itself another kind than its type does, no other policy sees.",
	Each: func(c *rule.Check, r rule.Resource) {
		const own = "objects that are resources of their own"
		switch {
		case strings.HasPrefix(r.Type, "kubernetes:helm.sh/") && r.Kind() == "Release":
			c.Report(r, "the release", "installed by Helm, unseen by every policy", own,
				"use kubernetes:helm.sh/v4:Chart, whose objects are resources")
		case !r.Kubernetes():
		case strings.HasSuffix(r.Kind(), "List") && !r.Stated("items").Absent():
			c.Report(r, "items", "a list of objects, unseen by every policy", own,
				"write each object as a resource, or read the file with kubernetes:yaml/v2:ConfigFile")
		case fetchers[r.Group()+"/"+r.Kind()]:
			c.Report(r, "the object", "an order to an operator to apply what no policy sees", own,
				"use kubernetes:helm.sh/v4:Chart or kubernetes:yaml/v2:ConfigFile, whose objects are resources")
		case r.Disguised():
			c.Report(r, "apiVersion and kind", r.Stated("apiVersion").String()+" and "+r.Stated("kind").String(), "those of its type "+r.Type,
				"register the object with the type of its kind")
		}
	},
}
