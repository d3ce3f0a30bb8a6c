// Package kube builds the parts that all components' Kubernetes objects share:
// names and labels, security contexts, resources, volumes and network policies.
package kube

import (
	"cmp"
	"strconv"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// PartOf is the value of app.kubernetes.io/part-of unless Labels has another.
const PartOf = "scalestack"

// Labels identify the objects of one component.
type Labels struct {
	// Name of the component, for example "postgres".
	Name string
	// Instance is the part of the component that the object belongs to, for example
	// "postgres-shard-0", or the component's name again.
	Instance string
	// PartOf is the product that the object belongs to. Default: the constant PartOf.
	PartOf string
}

// Selector returns the labels that never change, which a selector may use.
func (l Labels) Selector() pulumi.StringMap {
	return pulumi.StringMap{
		"app.kubernetes.io/name":     pulumi.String(l.Name),
		"app.kubernetes.io/instance": pulumi.String(l.Instance),
	}
}

// All returns the recommended labels for an object's metadata.
func (l Labels) All() pulumi.StringMap {
	all := l.Selector()
	all["app.kubernetes.io/part-of"] = pulumi.String(cmp.Or(l.PartOf, PartOf))
	all["app.kubernetes.io/managed-by"] = pulumi.String("pulumi")
	return all
}

// Meta returns an object's metadata with an explicit name, so that other
// objects can refer to it and a second deployment finds it again.
func (l Labels) Meta(name string, namespace pulumi.StringInput) *metav1.ObjectMetaArgs {
	return &metav1.ObjectMetaArgs{
		Name:      pulumi.String(name),
		Namespace: namespace,
		Labels:    l.All(),
	}
}

// RestrictedPod is the pod half of the Pod Security Standard "restricted" for
// a process that runs as id and whose volumes belong to that group.
func RestrictedPod(id int) *corev1.PodSecurityContextArgs {
	return &corev1.PodSecurityContextArgs{
		RunAsNonRoot:        pulumi.Bool(true),
		RunAsUser:           pulumi.Int(id),
		RunAsGroup:          pulumi.Int(id),
		FsGroup:             pulumi.Int(id),
		FsGroupChangePolicy: pulumi.String("OnRootMismatch"),
		SeccompProfile:      &corev1.SeccompProfileArgs{Type: pulumi.String("RuntimeDefault")},
	}
}

// RestrictedContainer is the container half of "restricted", with a read-only
// root file system on top.
func RestrictedContainer() *corev1.SecurityContextArgs {
	return &corev1.SecurityContextArgs{
		AllowPrivilegeEscalation: pulumi.Bool(false),
		ReadOnlyRootFilesystem:   pulumi.Bool(true),
		RunAsNonRoot:             pulumi.Bool(true),
		Capabilities:             &corev1.CapabilitiesArgs{Drop: pulumi.StringArray{pulumi.String("ALL")}},
	}
}

// SkipAwait is the annotation of an object that a deployment does not wait for.
func SkipAwait() pulumi.StringMap {
	return pulumi.StringMap{"pulumi.com/skipAwait": pulumi.String("true")}
}

// AwaitedByPods is for a Service whose pods the deployment waits for through their own
// object. Pulumi considers a Service ready ten seconds after the last change of its
// endpoints, and occupies one of its few workers until then.
func AwaitedByPods(meta *metav1.ObjectMetaArgs) *metav1.ObjectMetaArgs {
	meta.Annotations = SkipAwait()
	return meta
}

// AwaitFor is the annotation of an object that a deployment waits for that many
// seconds. Otherwise Pulumi uses its own limit: ten minutes for a Job, a Deployment or
// a StatefulSet.
func AwaitFor(seconds int) pulumi.StringMap {
	return pulumi.StringMap{"pulumi.com/timeoutSeconds": pulumi.String(strconv.Itoa(seconds))}
}

// AwaitJob returns the annotations of a Job with a deadline, in seconds. A deployment
// waits a minute longer, or the next one would end a Job that is still running, and
// replaces a Job that failed, which never recovers.
func AwaitJob(deadline int) pulumi.StringMap {
	annotations := AwaitFor(deadline + 60)
	annotations["pulumi.com/replaceUnready"] = pulumi.String("true")
	return annotations
}

// Adoptable returns annotations with which a deployment adopts an object that an
// earlier one left: a fixed field manager owns the object's fields across the stack's
// lifetimes.
func Adoptable() pulumi.StringMap {
	return pulumi.StringMap{"pulumi.com/patchFieldManager": pulumi.String("scalestack")}
}
