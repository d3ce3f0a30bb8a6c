package app

import (
	"encoding/json"
	"slices"

	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
)

const (
	migrationName = "migrate"
	followupName  = "follow"
	hashLength    = 8
	// longestSuffix is what a component's name must leave room for.
	longestJobName = len(migrationName)
	longestSuffix  = "-" + migrationName + "-12345678"
)

// jobLabels differ from the program's, or its Service and disruption budget
// would take the Job's pod for one of theirs.
func jobLabels(name, job string) kube.Labels {
	return kube.Labels{Name: name, Instance: name + "-" + job}
}

// jobName changes whenever the Job has something new to do.
func jobName(name string, j *Job) (string, error) {
	inputs, err := json.Marshal([]any{j.Image, j.Command, j.Args, j.Revision})
	if err != nil {
		return "", err
	}
	return name + "-" + j.Name + "-" + kube.Sum(string(inputs))[:hashLength], nil
}

// jobArgs is kept after its end: if Kubernetes removed it, the next deployment
// would run it again.
func jobArgs(name, jobName string, annotations pulumi.StringMap, a *Args, j *Job) *batchv1.JobArgs {
	labels := jobLabels(name, j.Name)
	meta := labels.Meta(jobName, a.Namespace)
	meta.Annotations = annotations
	container := a.runner(j.Name, j.Image, j.Command, j.Args, j.Env, j.Mounts, j.Resources)
	if j.Port != 0 {
		container.Ports = corev1.ContainerPortArray{containerPort(portName, j.Port)}
	}
	spec := a.podSpec(container, name, j.Mounts)
	spec.RestartPolicy = pulumi.String("Never")
	args := &batchv1.JobSpecArgs{
		BackoffLimit:     pulumi.Int(j.Retries),
		PodFailurePolicy: failurePolicy(j),
		Template:         &corev1.PodTemplateSpecArgs{Metadata: podMeta(labels, nil), Spec: spec},
	}
	if j.DeadlineSeconds > 0 {
		args.ActiveDeadlineSeconds = pulumi.Int(j.DeadlineSeconds)
	}
	return &batchv1.JobArgs{Metadata: meta, Spec: args}
}

// failurePolicy ends the Job where another attempt could not help, and does not
// count pods that the cluster itself took away.
func failurePolicy(j *Job) *batchv1.PodFailurePolicyArgs {
	rules := batchv1.PodFailurePolicyRuleArray{&batchv1.PodFailurePolicyRuleArgs{
		Action: pulumi.String("Ignore"),
		OnPodConditions: batchv1.PodFailurePolicyOnPodConditionsPatternArray{
			&batchv1.PodFailurePolicyOnPodConditionsPatternArgs{
				Type: pulumi.String("DisruptionTarget"), Status: pulumi.String("True"),
			},
		},
	}}
	if len(j.FinalExitCodes) > 0 {
		rules = append(rules, &batchv1.PodFailurePolicyRuleArgs{
			Action: pulumi.String("FailJob"),
			OnExitCodes: &batchv1.PodFailurePolicyOnExitCodesRequirementArgs{
				ContainerName: pulumi.String(j.Name),
				Operator:      pulumi.String("In"),
				Values:        pulumi.ToIntArray(j.FinalExitCodes),
			},
		})
	}
	return &batchv1.PodFailurePolicyArgs{Rules: rules}
}

func jobPolicy(name string, a *Args, j *Job) *networkingv1.NetworkPolicyArgs {
	policy := kube.Policy{Port: j.Port, From: j.Callers, To: j.Targets}
	labels := jobLabels(name, j.Name)
	return &networkingv1.NetworkPolicyArgs{
		Metadata: labels.Meta(name+"-"+j.Name, a.Namespace),
		Spec:     policy.Spec(labels.Match()),
	}
}

// job registers the Job and its network policy, and returns both.
func (r *registrar) job(j *Job, annotations pulumi.StringMap, opts ...pulumi.ResourceOption) ([]pulumi.Resource, error) {
	object := r.name + "-" + j.Name
	policy, err := networkingv1.NewNetworkPolicy(r.ctx, object+"-policy", jobPolicy(r.name, r.args, j), r.parent)
	if err != nil {
		return nil, err
	}
	name, err := jobName(r.name, j)
	if err != nil {
		return nil, err
	}
	// With the new one first, a deployment that fails and is taken back would
	// adopt the Job that it then deletes as the old one.
	made, err := batchv1.NewJob(r.ctx, object, jobArgs(r.name, name, annotations, r.args, j), append(opts, r.parent,
		pulumi.DeleteBeforeReplace(true), pulumi.DependsOn(slices.Concat(r.before, []pulumi.Resource{policy})))...)
	return []pulumi.Resource{policy, made}, err
}

// migration holds up everything that changes pods. A failed Job never recovers;
// the annotation makes the next deployment replace it.
func (r *registrar) migration() error {
	if r.args.Migration == nil {
		return nil
	}
	made, err := r.job(r.args.Migration, pulumi.StringMap{"pulumi.com/replaceUnready": pulumi.String("true")})
	r.before = append(r.before, made...)
	return err
}

// followup may run for hours, which no deployment waits for.
func (r *registrar) followup() error {
	if r.args.Followup == nil {
		return nil
	}
	_, err := r.job(r.args.Followup, pulumi.StringMap{"pulumi.com/skipAwait": pulumi.String("true")}, r.after)
	return err
}
