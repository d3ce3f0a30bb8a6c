package kube

import (
	"maps"
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/k8s"
)

// Env are environment variables with their values.
type Env = map[string]pulumi.StringInput

// Program is what one container runs, without ports and probes.
type Program struct {
	Name          string
	Image         pulumi.StringInput
	PullPolicy    pulumi.StringInput
	Command, Args []string
	// Env are lists of variables. A value may refer to a variable of an earlier
	// list as $(NAME).
	Env       []Env
	Mounts    []k8s.Mount
	Resources k8s.Resources
}

// Container renders the program under the Pod Security Standard "restricted".
func (p Program) Container() *corev1.ContainerArgs {
	return &corev1.ContainerArgs{
		Name:                     pulumi.String(p.Name),
		Image:                    p.Image.ToStringOutput(),
		ImagePullPolicy:          p.PullPolicy.ToStringOutput(),
		Command:                  words(p.Command),
		Args:                     words(p.Args),
		Env:                      environment(p.Env),
		VolumeMounts:             volumeMounts(p.Mounts),
		Resources:                Resources(p.Resources),
		SecurityContext:          RestrictedContainer(),
		TerminationMessagePolicy: pulumi.String("FallbackToLogsOnError"),
	}
}

// PodSpec is a pod with one container that runs as this user and service account.
func PodSpec(container *corev1.ContainerArgs, mounts []k8s.Mount, serviceAccount string, user, graceSeconds int) *corev1.PodSpecArgs {
	return &corev1.PodSpecArgs{
		AutomountServiceAccountToken:  pulumi.Bool(false),
		Containers:                    corev1.ContainerArray{container},
		EnableServiceLinks:            pulumi.Bool(false),
		SecurityContext:               RestrictedPod(user),
		ServiceAccountName:            pulumi.String(serviceAccount),
		TerminationGracePeriodSeconds: pulumi.Int(graceSeconds),
		Volumes:                       volumes(mounts),
	}
}

// PodMeta is the metadata of a pod template.
func PodMeta(labels Labels, annotations pulumi.StringMap) *metav1.ObjectMetaArgs {
	return &metav1.ObjectMetaArgs{Labels: labels.All(), Annotations: annotations}
}

// ContainerPort is a TCP port with a name.
func ContainerPort(name string, number int) *corev1.ContainerPortArgs {
	return &corev1.ContainerPortArgs{
		Name:          pulumi.String(name),
		ContainerPort: pulumi.Int(number),
		Protocol:      pulumi.String("TCP"),
	}
}

// ServiceAccount is an account whose token no pod gets. Its pods pull images with the
// Secret unless that is empty, because the pull secrets of the namespace's default
// account do not apply to them.
func ServiceAccount(name string, labels Labels, namespace pulumi.StringInput, pullSecret string) *corev1.ServiceAccountArgs {
	args := &corev1.ServiceAccountArgs{
		Metadata:                     labels.Meta(name, namespace),
		AutomountServiceAccountToken: pulumi.Bool(false),
	}
	if pullSecret != "" {
		args.ImagePullSecrets = corev1.LocalObjectReferenceArray{corev1.LocalObjectReferenceArgs{Name: pulumi.String(pullSecret)}}
	}
	return args
}

// environment sorts each list, so that the order of a Go map never looks like a
// change to the pods.
func environment(lists []Env) corev1.EnvVarArray {
	vars := corev1.EnvVarArray{}
	for _, list := range lists {
		for _, name := range slices.Sorted(maps.Keys(list)) {
			vars = append(vars, &corev1.EnvVarArgs{Name: pulumi.String(name), Value: list[name].ToStringOutput()})
		}
	}
	return vars
}

func words(list []string) pulumi.StringArrayInput {
	if len(list) == 0 {
		return nil
	}
	return pulumi.ToStringArray(list)
}
