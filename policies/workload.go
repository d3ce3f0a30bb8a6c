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

// podsIn returns the pods that r makes: of a kind that is not listed, such as an operator's,
// what looks like a template of pods, wherever it is.
func podsIn(r rule.Resource) []podTemplate {
	if pods, ok := podsOf(r); ok {
		return []podTemplate{pods}
	}
	if !r.Kubernetes() || !namesContainers(r.Properties) {
		return nil
	}
	var found []podTemplate
	for _, key := range r.At().Keys() {
		found = append(found, templatesIn(r, r.At(key))...)
	}
	return found
}

// namesContainers is a quick look that spares most objects the walk.
func namesContainers(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		if _, found := v["containers"]; found {
			return true
		}
		for _, one := range v {
			if namesContainers(one) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, namesContainers)
	case rule.Secret:
		return namesContainers(v.Value)
	}
	return false
}

func templatesIn(owner rule.Resource, n rule.Node) []podTemplate {
	if containers := n.At("spec", "containers"); containers.IsList() {
		meta := n.At("metadata")
		return []podTemplate{{owner, meta, meta.At("labels"), n.At("spec")}}
	}
	below := n.Items()
	for _, key := range n.Keys() {
		below = append(below, n.At(key))
	}
	var found []podTemplate
	for _, one := range below {
		found = append(found, templatesIn(owner, one)...)
	}
	return found
}

// podsOf returns the pods that an object of a listed kind makes.
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
		if r.Patch() == patches {
			all = append(all, podsIn(r)...)
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
	_, listed := templates[p.Owner.Group()+"/"+p.Owner.Kind()]
	return !listed && p.Owner.At("spec", "replicas").Set()
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
