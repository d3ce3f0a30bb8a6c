package kube

import (
	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// IgnoreDisruptions does not count pods of a Job that the cluster itself took away,
// for example by draining their node.
func IgnoreDisruptions() *batchv1.PodFailurePolicyArgs {
	return &batchv1.PodFailurePolicyArgs{Rules: batchv1.PodFailurePolicyRuleArray{&batchv1.PodFailurePolicyRuleArgs{
		Action: pulumi.String("Ignore"),
		OnPodConditions: batchv1.PodFailurePolicyOnPodConditionsPatternArray{
			&batchv1.PodFailurePolicyOnPodConditionsPatternArgs{
				Type: pulumi.String("DisruptionTarget"), Status: pulumi.String("True"),
			},
		},
	}}}
}
