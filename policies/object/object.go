// Package object holds the policies that look at one object at a time, apart
// from its pods.
package object

import (
	"slices"

	"github.com/scalestack/scalestack/policies/kube"
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

var clusterWide = []string{
	"Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "PersistentVolume", "StorageClass",
	"PriorityClass", "IngressClass", "APIService", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
	"RuntimeClass", "CSIDriver", "Node",
}

// DefaultNamespace keeps objects where rules apply to them.
var DefaultNamespace = rule.Rule{
	Name: "default-namespace",
	Description: "Every object is in a namespace of its own stack: default has no network policy and enforces no Pod " +
		"Security Standard.",
	Each: func(c *rule.Check, r rule.Resource) {
		n := kube.Namespace(r)
		if !r.Kubernetes() || slices.Contains(clusterWide, r.Kind()) || !n.Known() {
			return
		}
		if n.Text() == "" || n.Text() == "default" {
			c.Refuse(r, n, "any namespace but default", "set metadata.namespace to the stack's namespace")
		}
	},
}

// NamespaceRestricted makes the cluster enforce what the pod policies check.
var NamespaceRestricted = rule.Rule{
	Name:        "namespace-restricted",
	Description: "A namespace enforces the Pod Security Standard restricted, also for pods that no stack has made.",
	Each: kinds(func(c *rule.Check, r rule.Resource) {
		n := r.At("metadata", "labels", "pod-security.kubernetes.io/enforce")
		if n.Known() && n.Text() != "restricted" {
			c.Refuse(r, n, "restricted", "set the label to restricted")
		}
	}, "Namespace"),
}

var identifying = []string{
	"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/part-of", "app.kubernetes.io/managed-by",
}

// Names makes objects findable by people and by other objects.
var Names = rule.Rule{
	Name: "names-and-labels",
	Description: "Every object has an explicit name, so that others can refer to it and an update is no replacement, " +
		"and the recommended labels, so that it can be found and charged to someone.",
	OursOnly: true,
	Settings: []rule.Setting{{
		Name: "partOf", Meaning: "what app.kubernetes.io/part-of says",
		Schema: map[string]any{"type": "string"}, Default: "scalestack",
	}},
	Each: func(c *rule.Check, r rule.Resource) {
		if !r.Kubernetes() {
			return
		}
		if n := r.At("metadata", "name"); n.Known() && len(validation.IsDNS1123Subdomain(n.Text())) > 0 {
			c.Refuse(r, n, "a name of lower-case letters, digits, '-' and '.'", "set metadata.name")
		}
		labels(c, r, r.At("metadata", "labels"))
		if pods, ok := kube.PodsOf(r); ok && r.Kind() != "Pod" {
			labels(c, r, pods.Labels)
		}
	},
}

func labels(c *rule.Check, r rule.Resource, all rule.Node) {
	for _, key := range identifying {
		n := all.At(key)
		switch {
		case !n.Known():
		case n.Text() == "":
			c.Refuse(r, n, "a label with a value", "add the label")
		case key == "app.kubernetes.io/part-of" && n.Text() != c.Text("partOf"):
			c.Refuse(r, n, c.Text("partOf"), "set the label to the product's name")
		}
	}
}

// ServiceExposure keeps Services inside the cluster.
var ServiceExposure = rule.Rule{
	Name: "service-exposure",
	Description: "A Service opens no port on the nodes and takes no address of its own choice: who may come in is the " +
		"ingress's matter.",
	Each: kinds(func(c *rule.Check, r rule.Resource) {
		spec := r.At("spec")
		if n := spec.At("type"); n.Text() == "NodePort" {
			c.Refuse(r, n, "ClusterIP or ExternalName", "use ClusterIP and an Ingress in front of it")
		}
		if n := spec.At("allocateLoadBalancerNodePorts"); spec.At("type").Text() == "LoadBalancer" && n.Known() && !n.False() {
			c.Refuse(r, n, "false for a LoadBalancer", "set it to false: otherwise each port is open on every node too")
		}
		if n := spec.At("externalIPs"); len(n.Items()) > 0 {
			c.Refuse(r, n, "not set", "remove externalIPs: with them a Service takes over other people's addresses")
		}
		for _, port := range spec.At("ports").Items() {
			if n := port.At("nodePort"); n.Set() && n.String() != "0" {
				c.Refuse(r, n, "not set", "remove nodePort")
			}
		}
	}, "Service"),
}

// AutoscalerMinimum keeps critical services alive when a zone is lost.
var AutoscalerMinimum = rule.Rule{
	Name: "autoscaler-minimum",
	Description: "A critical service never runs on fewer pods than it takes to lose one in a rollout and one to a " +
		"failure at the same time.",
	Settings: []rule.Setting{
		{Name: "critical", Meaning: "names of the workloads that users wait for", Schema: rule.Strings(), Default: []any{"app"}},
		{Name: "minimum", Meaning: "pods of a critical service at least", Schema: rule.Whole(1), Default: 3},
	},
	Each: kinds(func(c *rule.Check, r rule.Resource) {
		if !slices.Contains(c.Texts("critical"), r.At("spec", "scaleTargetRef", "name").Text()) {
			return
		}
		n := r.At("spec", "minReplicas")
		if least, ok := n.Number(); n.Known() && (!ok || least < c.Number("minimum")) {
			c.Report(r, n.Path(), n.String(), "at least "+rule.NewNode(c.Number("minimum")).String(),
				"raise scalestack:app.replicas.min")
		}
	}, "HorizontalPodAutoscaler"),
}
