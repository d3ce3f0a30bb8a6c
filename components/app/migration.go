package app

import (
	"encoding/json"

	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
)

const (
	migrationSuffix = "-migrate"
	hashLength      = 8
	// longestSuffix is what a component's name must leave room for.
	longestSuffix = migrationSuffix + "-12345678"
)

// migrationLabels differ from the program's, or its Service and disruption
// budget would take the Job's pod for one of theirs.
func migrationLabels(name string) kube.Labels {
	return kube.Labels{Name: name, Instance: name + migrationSuffix}
}

// jobName changes whenever the migration has something new to do.
func jobName(name string, a *Args) (string, error) {
	inputs, err := json.Marshal([]any{a.Image, a.Migration.Command, a.Migration.Args, a.Migration.Revision})
	if err != nil {
		return "", err
	}
	return name + migrationSuffix + "-" + kube.Sum(string(inputs))[:hashLength], nil
}

// job is kept after its end: if Kubernetes removed it, the next deployment would
// run it again.
func job(name, jobName string, a *Args) *batchv1.JobArgs {
	m := a.Migration
	meta := migrationLabels(name).Meta(jobName, a.Namespace)
	// A failed Job never recovers; this makes the next deployment replace it.
	meta.Annotations = pulumi.StringMap{"pulumi.com/replaceUnready": pulumi.String("true")}
	container := a.runner("migrate", m.Command, m.Args, m.Env, m.Mounts, m.Resources)
	spec := a.podSpec(container, name, m.Mounts)
	spec.RestartPolicy = pulumi.String("Never")
	return &batchv1.JobArgs{
		Metadata: meta,
		Spec: &batchv1.JobSpecArgs{
			ActiveDeadlineSeconds: pulumi.Int(m.DeadlineSeconds),
			BackoffLimit:          pulumi.Int(m.Retries),
			Template: &corev1.PodTemplateSpecArgs{
				Metadata: podMeta(migrationLabels(name), nil),
				Spec:     spec,
			},
		},
	}
}

func migrationPolicy(name string, a *Args) *networkingv1.NetworkPolicyArgs {
	policy := kube.Policy{To: a.Migration.Targets}
	return &networkingv1.NetworkPolicyArgs{
		Metadata: migrationLabels(name).Meta(name+migrationSuffix, a.Namespace),
		Spec:     policy.Spec(MigrationLabels(name)),
	}
}
