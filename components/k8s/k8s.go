// Package k8s defines the types that the arguments of several components share: compute
// resources, the peers of network policies, and tolerations.
package k8s

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/internal/settings"
)

// DefaultNamespace is where a component's objects go unless Args.Namespace names
// another one.
const DefaultNamespace = "scalestack"

// Resources are the CPU and memory of a container, as Kubernetes quantities.
type Resources struct {
	// CPURequest is what the scheduler reserves, for example "100m".
	CPURequest string `json:"cpuRequest" pulumi:"cpuRequest,optional" format:"quantity"`
	// CPULimit is where the container is throttled. Default: no limit, unless the
	// component says otherwise.
	CPULimit string `json:"cpuLimit" pulumi:"cpuLimit,optional" format:"quantity"`
	// Memory is both request and limit, so that the pod is never evicted for using
	// what it was promised.
	Memory string `json:"memory" pulumi:"memory,optional" format:"quantity"`
}

// Check refuses a CPU limit below the request.
func (r Resources) Check(path *field.Path) field.ErrorList {
	request, requestErr := resource.ParseQuantity(r.CPURequest)
	limit, limitErr := resource.ParseQuantity(r.CPULimit)
	if requestErr == nil && limitErr == nil && limit.Cmp(request) < 0 {
		return field.ErrorList{field.Invalid(path.Child("cpuLimit"), r.CPULimit, "must be at least cpuRequest "+r.CPURequest)}
	}
	return nil
}

// Bytes returns the memory in bytes, or false if it is not a quantity.
func (r Resources) Bytes() (int64, bool) { return Bytes(r.Memory) }

// Bytes reads a quantity of bytes, or returns false if it is none.
func Bytes(quantity string) (int64, bool) {
	q, err := resource.ParseQuantity(quantity)
	return q.Value(), err == nil && q.Sign() > 0
}

// Peer is who may connect to a pod, or to whom a pod may connect: pods by their
// labels, or an address range.
type Peer struct {
	// Pods are labels that the peer's pods carry. Default: all pods of Namespaces.
	Pods pulumi.StringMapInput `json:"pods" pulumi:"pods,optional"`
	// Namespaces are labels of the namespaces where those pods run. Default: the
	// namespace of the policy.
	Namespaces pulumi.StringMapInput `json:"namespaces" pulumi:"namespaces,optional"`
	// CIDR is an address range outside the cluster, for example "203.0.113.0/24". It
	// excludes Pods and Namespaces.
	CIDR pulumi.StringInput `json:"cidr" pulumi:"cidr,optional" format:"cidr"`
}

// Check refuses a peer that selects nobody, and one that mixes an address range with
// labels.
func (p Peer) Check(path *field.Path) field.ErrorList {
	labelled := given(p.Pods) || given(p.Namespaces)
	cidr, known := settings.String(p.CIDR)
	switch {
	case p.CIDR == nil && !labelled:
		return field.ErrorList{field.Required(path, "one of pods, namespaces and cidr")}
	case p.CIDR != nil && labelled:
		if !known {
			cidr = "cidr"
		}
		return field.ErrorList{field.Invalid(path, cidr, "must not be combined with pods or namespaces")}
	}
	return nil
}

// given reports whether labels select anything. Empty ones would select every pod.
func given(labels pulumi.StringMapInput) bool {
	if known, ok := labels.(pulumi.StringMap); ok {
		return len(known) > 0
	}
	return labels != nil
}

// Target is a peer's port to which a pod may connect.
type Target struct {
	Peer
	// Port is the TCP port on which the peer's pods listen.
	Port int `json:"port" pulumi:"port" required:"true" min:"1" max:"65535"`
}
