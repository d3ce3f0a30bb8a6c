package service

import (
	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
)

// PodLabels are the labels by which others select the pods of the component
// with this name, for example a database in its network policy. They are known
// before the component is made.
func PodLabels(name string) pulumi.StringMap { return labels(name).Selector() }

// MaxPodsDuringRollout is how many pods run at once while a rollout replaces that
// many replicas: its surge of 25 % is rounded up.
func MaxPodsDuringRollout(replicas int) int { return replicas + (replicas+3)/4 }

func labels(name string) kube.Labels { return kube.Labels{Name: name, Instance: name} }

// labels of the service's objects and pods.
func (a *Args) labels(name string) kube.Labels {
	l := labels(name)
	l.PartOf = a.PartOf
	return l
}

func deployment(name string, a *Args) *appsv1.DeploymentArgs {
	spec := kube.PodSpec(a.container(name), a.Mounts, name, a.User, a.TerminationGraceSeconds)
	spec.TopologySpreadConstraints = spread(PodLabels(name))
	made := &appsv1.DeploymentArgs{
		Metadata: a.labels(name).Meta(name, a.Namespace),
		Spec: &appsv1.DeploymentSpecArgs{
			RevisionHistoryLimit: pulumi.Int(3),
			Selector:             kube.Match(PodLabels(name)),
			// A new pod must be ready before an old one goes; 25 % rounds up.
			Strategy: &appsv1.DeploymentStrategyArgs{
				Type: pulumi.String("RollingUpdate"),
				RollingUpdate: &appsv1.RollingUpdateDeploymentArgs{
					MaxUnavailable: pulumi.Int(0),
					MaxSurge:       pulumi.String("25%"),
				},
			},
			Template: &corev1.PodTemplateSpecArgs{
				Metadata: kube.PodMeta(a.labels(name), restartAnnotations(a.RestartOn)),
				Spec:     spec,
			},
		},
	}
	a.giveTime(made)
	return made
}

const (
	// rolloutSeconds is how long Kubernetes waits for a pod more and Pulumi for the whole rollout, unless told otherwise.
	rolloutSeconds = 600
	// rolloutTurns is how many times new pods start one after the other, at a quarter of all at once.
	rolloutTurns = 5
)

// giveTime lets Kubernetes and Pulumi wait for pods that may take longer to start than either would.
func (a *Args) giveTime(d *appsv1.DeploymentArgs) {
	more := a.Probes.StartupSeconds - rolloutSeconds/10
	if more <= 0 {
		return
	}
	d.Spec.(*appsv1.DeploymentSpecArgs).ProgressDeadlineSeconds = pulumi.Int(rolloutSeconds + more)
	d.Metadata.(*metav1.ObjectMetaArgs).Annotations = kube.AwaitFor(rolloutSeconds + rolloutTurns*more)
}

func service(name string, a *Args) *corev1.ServiceArgs {
	return &corev1.ServiceArgs{
		Metadata: kube.AwaitedByPods(a.labels(name).Meta(name, a.Namespace)),
		Spec: &corev1.ServiceSpecArgs{
			Type:     pulumi.String("ClusterIP"),
			Selector: PodLabels(name),
			Ports: corev1.ServicePortArray{&corev1.ServicePortArgs{
				Name:       pulumi.String(PortName),
				Port:       pulumi.Int(a.ServicePort),
				TargetPort: pulumi.String(PortName),
				Protocol:   pulumi.String("TCP"),
			}},
		},
	}
}

// disruptionBudget lets an unready pod go at any time: waiting for it to
// recover would block the drain that may be its cure.
func disruptionBudget(name string, a *Args) *policyv1.PodDisruptionBudgetArgs {
	return &policyv1.PodDisruptionBudgetArgs{
		Metadata: a.labels(name).Meta(name, a.Namespace),
		Spec: &policyv1.PodDisruptionBudgetSpecArgs{
			MaxUnavailable:             pulumi.Int(1),
			Selector:                   kube.Match(PodLabels(name)),
			UnhealthyPodEvictionPolicy: pulumi.String("AlwaysAllow"),
		},
	}
}

// networkPolicy opens ports by their names: it changes before the pods do.
func networkPolicy(name string, a *Args) *networkingv1.NetworkPolicyArgs {
	policy := kube.Policy{
		Open: []kube.Opening{{Name: PortName, From: a.IngressFrom}, {Name: metricsName, From: a.MetricsFrom}},
		To:   a.EgressTo, Resolvers: a.Resolvers,
	}
	return &networkingv1.NetworkPolicyArgs{
		Metadata: a.labels(name).Meta(name, a.Namespace),
		Spec:     policy.Spec(PodLabels(name)),
	}
}

func restartAnnotations(values []pulumi.StringInput) pulumi.StringMap {
	if len(values) == 0 {
		return nil
	}
	return pulumi.StringMap{kube.ChecksumAnnotation: kube.Checksum(values...)}
}
