package kube

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/k8s"
)

// Tolerations renders a pod's tolerations, or nil if there are none. What was left
// out is left to Kubernetes.
func Tolerations(list []k8s.Toleration) corev1.TolerationArray {
	var all corev1.TolerationArray
	for _, t := range list {
		one := &corev1.TolerationArgs{Key: optional(t.Key), Operator: optional(t.Operator), Value: optional(t.Value), Effect: optional(t.Effect)}
		if t.Seconds != nil {
			one.TolerationSeconds = pulumi.Int(*t.Seconds)
		}
		all = append(all, one)
	}
	return all
}

func optional(value string) pulumi.StringPtrInput {
	if value == "" {
		return nil
	}
	return pulumi.String(value)
}
