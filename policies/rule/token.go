package rule

import (
	"cmp"
	"strings"
)

// module is what the type says before its last part: apps/v1 of kubernetes:apps/v1:Deployment.
func (r Resource) module() string {
	provider, rest, _ := strings.Cut(r.Type, ":")
	if provider != "kubernetes" {
		return ""
	}
	module, _, _ := strings.Cut(rest, ":")
	return module
}

// historic are the groups that the API server keeps kinds under that were declared with
// another one.
var historic = map[string]string{
	"extensions/Ingress": "networking.k8s.io", "extensions/NetworkPolicy": "networking.k8s.io",
	"extensions/Deployment": "apps", "extensions/DaemonSet": "apps", "extensions/ReplicaSet": "apps",
	"extensions/PodSecurityPolicy": "policy",
}

// Group is the API's group without its version, of what is not of a cluster "". That of
// Pods is core, however it is spelled: a CustomResource with apiVersion v1 has the type
// kubernetes:v1:Pod.
func (r Resource) Group() string { return group(r.module(), r.Kind()) }

func group(module, kind string) string {
	first, _, versioned := strings.Cut(module, "/")
	if !versioned && strings.HasPrefix(first, "v") {
		first = "core"
	}
	return cmp.Or(historic[first+"/"+kind], first)
}

// sameKind are Cloudflare's kinds that are one resource under an older name.
var sameKind = map[string]string{
	"Tunnel":               "ZeroTrustTunnelCloudflared",
	"TunnelConfig":         "ZeroTrustTunnelCloudflaredConfig",
	"TunnelRoute":          "ZeroTrustTunnelRoute",
	"TunnelVirtualNetwork": "ZeroTrustTunnelVirtualNetwork",
}

// Kind is the last part of the type. A Patch has the kind of its object, and of two names
// of one Cloudflare resource it is the newer.
func (r Resource) Kind() string {
	kind := r.lastPart()
	switch {
	case r.Patch():
		return strings.TrimSuffix(kind, patchSuffix)
	case strings.HasPrefix(r.Type, "cloudflare:"):
		return cmp.Or(sameKind[kind], kind)
	}
	return kind
}

func (r Resource) lastPart() string { return r.Type[strings.LastIndex(r.Type, ":")+1:] }

const patchSuffix = "Patch"

// Patch is true for a resource that sets some fields of an object that someone else
// declares. A kind of an operator may end so too: then the object itself says that it is one.
func (r Resource) Patch() bool {
	kind := r.lastPart()
	return strings.HasSuffix(kind, patchSuffix) && kind != patchSuffix && r.Kubernetes() && r.Stated("kind").Text() != kind
}

// Kubernetes is true for an object of a cluster. Charts and the like are components: what
// they bring are resources of their own.
func (r Resource) Kubernetes() bool {
	first, _, _ := strings.Cut(r.module(), "/")
	switch first {
	case "", "helm.sh", "yaml", "kustomize":
		return false
	}
	return true
}

// Is tells a kind of a Kubernetes group, whatever the version.
func (r Resource) Is(group, kind string) bool {
	return r.Kubernetes() && r.Kind() == kind && r.Group() == group
}

// Cloudflare tells a kind of Cloudflare's, under any of its names.
func (r Resource) Cloudflare(kind string) bool {
	return strings.HasPrefix(r.Type, "cloudflare:") && r.Kind() == kind
}

// Disguised is true for an object that says it is another one than its type does: policies
// go by the type, the provider by what the object says.
func (r Resource) Disguised() bool {
	version, kind := r.Stated("apiVersion"), r.Stated("kind")
	other := kind.IsText() && kind.Text() != r.Kind()
	return r.Kubernetes() && (other || version.IsText() && group(version.Text(), r.Kind()) != r.Group())
}

// clusterWide are the kinds that are in no namespace.
var clusterWide = map[string]bool{
	"Namespace": true, "ClusterRole": true, "ClusterRoleBinding": true, "CustomResourceDefinition": true,
	"PersistentVolume": true, "StorageClass": true, "PriorityClass": true, "IngressClass": true, "APIService": true,
	"MutatingWebhookConfiguration": true, "ValidatingWebhookConfiguration": true, "RuntimeClass": true, "CSIDriver": true,
	"Node": true,
}

// ClusterWide is true for an object that is in no namespace.
func (r Resource) ClusterWide() bool { return clusterWide[r.Kind()] }

// Object is the object's identity in the cluster: group, kind, namespace and name, without
// the version. It is not known of what is no object, or has no known name.
func (r Resource) Object() (key string, known bool) {
	name, namespace := r.At("metadata", "name").Text(), r.At("metadata", "namespace")
	if !r.Kubernetes() || name == "" || !namespace.Known() {
		return "", false
	}
	where := cmp.Or(namespace.Text(), "default")
	if r.ClusterWide() {
		where = ""
	}
	return strings.Join([]string{r.Group(), r.Kind(), where, name}, "/"), true
}
