// Package job runs a program to completion in a Kubernetes Job, with a NetworkPolicy of
// its own.
//
// The Job's name contains a hash of image, command, arguments, Revision and RestartOn:
// a change of any of these runs a new Job. Kubernetes cannot change the pod of a Job,
// so a change of anything else in it (environment, mounts, resources) recreates the Job
// under its old name, and it runs again as well. A finished Job is kept, because the
// next deployment would otherwise run it again.
package job

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/internal/component"
	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/internal/settings"
)

const (
	portName = "metrics"
	// LongestSuffix is what an object's name puts behind the Job's.
	LongestSuffix = "-12345678"
)

// Job is a program that runs to its end: Job, ServiceAccount, NetworkPolicy.
type Job struct {
	pulumi.ResourceState

	// Name of the Job object, known once the Job has succeeded, or with SkipAwait
	// once it was started.
	Name pulumi.StringOutput `pulumi:"name"`

	object *batchv1.Job
}

// Object is the Job itself, for what comes after it: see Args.After.
func (j *Job) Object() pulumi.Resource { return j.object }

// New registers a Job of its own. The name becomes the beginning of its objects'
// names: up to 54 lower-case letters, digits and '-'.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Job, error) {
	given := settings.WithDefaults(args)
	if err := kube.Check(name, LongestSuffix, given); err != nil {
		return nil, err
	}
	if given.Image == nil {
		return nil, field.Required(field.NewPath("image"), "")
	}
	j := &Job{}
	if err := ctx.RegisterComponentResource("scalestack:job:Job", name, j, opts...); err != nil {
		return nil, err
	}
	a, labels := given.Inherit(standalone()), kube.Labels{Name: name, Instance: name}
	account, err := corev1.NewServiceAccount(ctx, name+"-account", kube.ServiceAccount(name, labels, a.Namespace, a.PullSecret), pulumi.Parent(j))
	if err != nil {
		return nil, fmt.Errorf("job %s: %w", name, err)
	}
	made, err := Register(ctx, Owner{Name: name, Labels: labels, ServiceAccount: name, Container: name}, a,
		pulumi.Parent(j), pulumi.DependsOn([]pulumi.Resource{account}))
	if err != nil {
		return nil, fmt.Errorf("job %s: %w", name, err)
	}
	j.object, j.Name = made, made.Metadata.Name().Elem()
	return j, ctx.RegisterResourceOutputs(j, component.Outputs(j))
}

// PodLabels select the pods of the Job with this name, for others' network
// policies.
func PodLabels(name string) pulumi.StringMap {
	return kube.Labels{Name: name, Instance: name}.Selector()
}

// Owner is the component that a Job belongs to.
type Owner struct {
	// Name begins the names of the Job's objects and of their resources.
	Name string
	// Labels of the Job's pods. They differ from those of a service's own pods, or its
	// Service and disruption budget would select the Job's pod.
	Labels kube.Labels
	// ServiceAccount of the pods.
	ServiceAccount string
	// Container is the container's name.
	Container string
}

// Register registers the NetworkPolicy and the Job as children of another
// component. Nothing of args is filled in any more, see [Args.Inherit].
func Register(ctx *pulumi.Context, o Owner, a *Args, opts ...pulumi.ResourceOption) (*batchv1.Job, error) {
	policy, err := networkingv1.NewNetworkPolicy(ctx, o.Name+"-policy", networkPolicy(o, a), opts...)
	if err != nil {
		return nil, err
	}
	// With the new Job first, a deployment that fails and is reverted would adopt the
	// Job that it then deletes as the old one.
	return batchv1.NewJob(ctx, o.Name, jobArgs(o, a), slices.Concat(opts, []pulumi.ResourceOption{
		pulumi.DeleteBeforeReplace(true), pulumi.DependsOn(append([]pulumi.Resource{policy}, a.After...)),
	})...)
}

// objectName changes whenever the Job has something new to do.
func objectName(o Owner, a *Args) pulumi.StringOutput {
	return pulumi.All(a.Image, cmp.Or[pulumi.StringInput](a.RestartOn, pulumi.String(""))).ApplyT(func(known []any) (string, error) {
		inputs := []any{known[0], a.Command, a.Args, a.Revision}
		if a.RestartOn != nil {
			inputs = append(inputs, known[1])
		}
		text, err := json.Marshal(inputs)
		return kube.HashedName(o.Name, string(text)), err
	}).(pulumi.StringOutput)
}

func jobArgs(o Owner, a *Args) *batchv1.JobArgs {
	meta := o.Labels.Meta(o.Name, a.Namespace)
	meta.Name = objectName(o, a).ToStringPtrOutput()
	meta.Annotations = await(a)
	program := kube.Program{
		Name: o.Container, Image: a.Image, PullPolicy: a.ImagePullPolicy, Command: a.Command, Args: a.Args,
		Env: []kube.Env{a.BaseEnv, a.Env}, Mounts: a.Mounts, Resources: a.Resources,
	}
	container := program.Container()
	if a.Port != 0 {
		container.Ports = corev1.ContainerPortArray{kube.ContainerPort(portName, a.Port)}
	}
	pod := kube.PodSpec(container, a.Mounts, o.ServiceAccount, a.User, a.TerminationGraceSeconds)
	pod.RestartPolicy = pulumi.String("Never")
	spec := &batchv1.JobSpecArgs{
		BackoffLimit:     pulumi.Int(a.Retries),
		PodFailurePolicy: failurePolicy(o, a),
		Template:         &corev1.PodTemplateSpecArgs{Metadata: kube.PodMeta(o.Labels, nil), Spec: pod},
	}
	if a.DeadlineSeconds > 0 {
		spec.ActiveDeadlineSeconds = pulumi.Int(a.DeadlineSeconds)
	}
	return &batchv1.JobArgs{Metadata: meta, Spec: spec}
}

// await makes the deployment wait for the Job's end, or for nothing. Where it waits for
// nothing, it does not wait for the Job's deletion either, so the Job must be gone at once:
// otherwise the next one of its name meets it while its pod ends, and is refused.
func await(a *Args) pulumi.StringMap {
	if a.SkipAwait {
		annotations := kube.SkipAwait()
		annotations["pulumi.com/deletionPropagationPolicy"] = pulumi.String("background")
		return annotations
	}
	return kube.AwaitJob(a.DeadlineSeconds)
}

// failurePolicy ends the Job where another attempt could not help, and does not
// count pods that the cluster itself took away.
func failurePolicy(o Owner, a *Args) *batchv1.PodFailurePolicyArgs {
	policy := kube.IgnoreDisruptions()
	if len(a.FinalExitCodes) > 0 {
		policy.Rules = append(policy.Rules.(batchv1.PodFailurePolicyRuleArray), &batchv1.PodFailurePolicyRuleArgs{
			Action: pulumi.String("FailJob"),
			OnExitCodes: &batchv1.PodFailurePolicyOnExitCodesRequirementArgs{
				ContainerName: pulumi.String(o.Container),
				Operator:      pulumi.String("In"),
				Values:        pulumi.ToIntArray(a.FinalExitCodes),
			},
		})
	}
	return policy
}

func networkPolicy(o Owner, a *Args) *networkingv1.NetworkPolicyArgs {
	policy := kube.Policy{Open: []kube.Opening{{Port: a.Port, From: a.IngressFrom}}, To: a.EgressTo, Resolvers: a.Resolvers}
	return &networkingv1.NetworkPolicyArgs{
		Metadata: o.Labels.Meta(o.Name, a.Namespace),
		Spec:     policy.Spec(o.Labels.Selector()),
	}
}
