package kube

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/scalestack/scalestack/internal/check"
)

// Resources are a container's compute resources as Kubernetes quantities. An
// empty field is left out of the object.
type Resources struct {
	// CPURequest is what the scheduler reserves, for example "100m".
	CPURequest string
	// CPULimit is where the container is throttled. Empty: nowhere.
	CPULimit string
	// Memory is both request and limit, so that the pod is never the first to
	// be evicted for memory it was promised.
	Memory string
}

// Validate records every quantity that cannot be read or is not positive, and
// a limit below its request.
func (r Resources) Validate(errs *check.Errors, path string) {
	request, okRequest := Quantity(errs, path+".cpuRequest", r.CPURequest)
	Quantity(errs, path+".memory", r.Memory)
	if r.CPULimit == "" {
		return
	}
	limit, okLimit := Quantity(errs, path+".cpuLimit", r.CPULimit)
	if okRequest && okLimit && limit.Cmp(request) < 0 {
		errs.Addf(path+".cpuLimit", "%s is below cpuRequest %s", r.CPULimit, r.CPURequest)
	}
}

// Args renders the resources for a container.
func (r Resources) Args() *corev1.ResourceRequirementsArgs {
	requests, limits := pulumi.StringMap{}, pulumi.StringMap{}
	set(requests, "cpu", r.CPURequest)
	set(limits, "cpu", r.CPULimit)
	set(requests, "memory", r.Memory)
	set(limits, "memory", r.Memory)
	return &corev1.ResourceRequirementsArgs{Requests: requests, Limits: limits}
}

// Quantity parses a positive Kubernetes quantity, or records why it cannot.
func Quantity(errs *check.Errors, path, value string) (resource.Quantity, bool) {
	q, err := resource.ParseQuantity(value)
	if err != nil {
		errs.Addf(path, "%q is not a quantity such as 500m, 2 or 1Gi", value)
		return q, false
	}
	if q.Sign() <= 0 {
		errs.Addf(path, "%s is not above 0", value)
		return q, false
	}
	return q, true
}

func set(m pulumi.StringMap, key, value string) {
	if value != "" {
		m[key] = pulumi.String(value)
	}
}
