package kube

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/k8s"
)

// Resources renders the resources of a container. An empty field is left out.
func Resources(r k8s.Resources) *corev1.ResourceRequirementsArgs {
	requests, limits := pulumi.StringMap{}, pulumi.StringMap{}
	set(requests, "cpu", r.CPURequest)
	set(limits, "cpu", r.CPULimit)
	set(requests, "memory", r.Memory)
	set(limits, "memory", r.Memory)
	return &corev1.ResourceRequirementsArgs{Requests: requests, Limits: limits}
}

func set(m pulumi.StringMap, key, value string) {
	if value != "" {
		m[key] = pulumi.String(value)
	}
}
