// Package kube reads Kubernetes objects for the policies.
package kube

import (
	"slices"

	"github.com/scalestack/scalestack/policies/rule"
)

// templates is where each kind keeps its pods' template.
var templates = map[string][]string{
	"kubernetes:core/v1:Pod":                   {},
	"kubernetes:core/v1:PodTemplate":           {"template"},
	"kubernetes:core/v1:ReplicationController": {"spec", "template"},
	"kubernetes:apps/v1:Deployment":            {"spec", "template"},
	"kubernetes:apps/v1:StatefulSet":           {"spec", "template"},
	"kubernetes:apps/v1:DaemonSet":             {"spec", "template"},
	"kubernetes:apps/v1:ReplicaSet":            {"spec", "template"},
	"kubernetes:batch/v1:Job":                  {"spec", "template"},
	"kubernetes:batch/v1:CronJob":              {"spec", "jobTemplate", "spec", "template"},
}

// Pods are the pods that one object makes.
type Pods struct {
	Owner rule.Resource
	// Meta is each pod's metadata, Labels those in it, Spec its spec.
	Meta, Labels, Spec rule.Node
}

// PodsOf returns the pods that r makes, if it makes any.
func PodsOf(r rule.Resource) (Pods, bool) {
	path, ok := templates[r.Type]
	template := r.At(path...)
	meta := template.At("metadata")
	return Pods{r, meta, meta.At("labels"), template.At("spec")}, ok
}

// AllPods returns the pods of every workload in the stack.
func AllPods(g rule.Graph) []Pods {
	var all []Pods
	for _, r := range g {
		if pods, ok := PodsOf(r); ok {
			all = append(all, pods)
		}
	}
	return all
}

// Steady is true for pods that are to run until someone stops them.
func (p Pods) Steady() bool {
	switch p.Owner.Kind() {
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController":
		return true
	}
	return false
}

// Containers are all of the pod, whatever starts them.
func (p Pods) Containers() []rule.Node {
	var all []rule.Node
	for _, list := range []string{"initContainers", "containers", "ephemeralContainers"} {
		all = append(all, p.Spec.At(list).Items()...)
	}
	return all
}

// Main are the containers that do the pod's work.
func (p Pods) Main() []rule.Node { return p.Spec.At("containers").Items() }

// Namespace of an object.
func Namespace(r rule.Resource) rule.Node { return r.At("metadata", "namespace") }

// Name of an object.
func Name(r rule.Resource) string { return r.At("metadata", "name").Text() }

// Together is true unless two objects are known to be in different namespaces.
func Together(a, b rule.Resource) bool {
	x, y := Namespace(a), Namespace(b)
	return !x.Known() || !y.Known() || x.Text() == y.Text()
}

// Nameless is true when the deployment decides the name of one of a kind, so
// that an object that seems to be missing may be that one.
func Nameless(g rule.Graph, kind string) bool {
	return slices.ContainsFunc(g.Of(kind), func(r rule.Resource) bool { return !r.At("metadata", "name").Known() })
}

// Named finds the object of a kind by name, in the namespace of near.
func Named(g rule.Graph, kind, name string, near rule.Resource) (rule.Resource, bool) {
	for _, r := range g.Of(kind) {
		if r.Kubernetes() && Name(r) == name && Together(r, near) {
			return r, true
		}
	}
	return rule.Resource{}, false
}
