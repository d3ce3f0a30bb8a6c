package main

import (
	"slices"

	"github.com/scalestack/scalestack/policies/rule"
)

// templates is where each kind, in any version of its group, keeps its pods' template.
var templates = map[string][]string{
	"core/Pod":                   {},
	"core/PodTemplate":           {"template"},
	"core/ReplicationController": {"spec", "template"},
	"apps/Deployment":            {"spec", "template"},
	"apps/StatefulSet":           {"spec", "template"},
	"apps/DaemonSet":             {"spec", "template"},
	"apps/ReplicaSet":            {"spec", "template"},
	"batch/Job":                  {"spec", "template"},
	"batch/CronJob":              {"spec", "jobTemplate", "spec", "template"},
	"keda.sh/ScaledJob":          {"spec", "jobTargetRef", "template"},
}

// podTemplate are the pods that one object makes.
type podTemplate struct {
	Owner rule.Resource
	// Meta is each pod's metadata, Labels those in it, Spec its spec.
	Meta, Labels, Spec rule.Node
}

// podsOf returns the pods that r makes, if it makes any.
func podsOf(r rule.Resource) (podTemplate, bool) {
	path, ok := templates[r.Group()+"/"+r.Kind()]
	template := r.At(path...)
	meta := template.At("metadata")
	return podTemplate{r, meta, meta.At("labels"), template.At("spec")}, ok
}

// allPods returns the pods of every workload in the stack.
func allPods(g rule.Graph) []podTemplate { return podsWhere(g, false) }

// patchedPods returns what patches say of the pods of others' workloads.
func patchedPods(g rule.Graph) []podTemplate { return podsWhere(g, true) }

func podsWhere(g rule.Graph, patches bool) []podTemplate {
	var all []podTemplate
	for _, r := range g {
		if pods, ok := podsOf(r); ok && r.Patch() == patches {
			all = append(all, pods)
		}
	}
	return all
}

// Steady is true for pods that are to run until someone stops them.
func (p podTemplate) Steady() bool {
	switch p.Owner.Kind() {
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController":
		return true
	}
	return false
}

// Containers are all of the pod, whatever starts them.
func (p podTemplate) Containers() []rule.Node {
	var all []rule.Node
	for _, list := range []string{"initContainers", "containers", "ephemeralContainers"} {
		all = append(all, p.Spec.At(list).Items()...)
	}
	return all
}

// Main are the containers that do the pod's work.
func (p podTemplate) Main() []rule.Node { return p.Spec.At("containers").Items() }

// namespaceOf of an object.
func namespaceOf(r rule.Resource) rule.Node { return r.At("metadata", "namespace") }

// nameOf of an object.
func nameOf(r rule.Resource) string { return r.At("metadata", "name").Text() }

// together is true unless two objects are known to be in different namespaces.
func together(a, b rule.Resource) bool {
	x, y := namespaceOf(a), namespaceOf(b)
	return !x.Known() || !y.Known() || x.Text() == y.Text()
}

// nameless is true when the deployment decides the name of one of a kind, so
// that an object that seems to be missing may be that one.
func nameless(g rule.Graph, kind string) bool {
	return slices.ContainsFunc(g.Of(kind), func(r rule.Resource) bool { return !r.At("metadata", "name").Known() })
}

// named finds the object of a kind by name, in the namespace of near.
func named(g rule.Graph, kind, name string, near rule.Resource) (rule.Resource, bool) {
	for _, r := range g.Of(kind) {
		if r.Kubernetes() && nameOf(r) == name && together(r, near) {
			return r, true
		}
	}
	return rule.Resource{}, false
}
