package app

import (
	"maps"
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
)

const (
	portName   = "http"
	healthName = "health"
)

// podSpec is what every pod of the component shares; the caller adds what a
// long-running program and a Job do not share.
func (a *Args) podSpec(container *corev1.ContainerArgs, serviceAccount string, mounts []Mount) *corev1.PodSpecArgs {
	return &corev1.PodSpecArgs{
		AutomountServiceAccountToken:  pulumi.Bool(false),
		Containers:                    corev1.ContainerArray{container},
		EnableServiceLinks:            pulumi.Bool(false),
		SecurityContext:               kube.RestrictedPod(a.User),
		ServiceAccountName:            pulumi.String(serviceAccount),
		TerminationGracePeriodSeconds: pulumi.Int(a.TerminationGraceSeconds),
		Volumes:                       volumes(mounts),
	}
}

// container is the program itself, with its ports, probes and stop hook.
func (a *Args) container(name string) *corev1.ContainerArgs {
	c := a.runner(name, a.Image, a.Command, a.Args, a.Env, a.Mounts, a.Resources)
	c.Ports = a.containerPorts()
	c.StartupProbe = a.probe(a.Probes.Liveness, 2, (a.Probes.StartupSeconds+1)/2)
	c.ReadinessProbe = a.probe(a.Probes.Readiness, 5, 2)
	c.LivenessProbe = a.probe(a.Probes.Liveness, 10, 6)
	if len(a.PreStop) > 0 {
		c.Lifecycle = &corev1.LifecycleArgs{PreStop: &corev1.LifecycleHandlerArgs{
			Exec: &corev1.ExecActionArgs{Command: pulumi.ToStringArray(a.PreStop)},
		}}
	}
	return c
}

// runner is a container without ports or probes.
func (a *Args) runner(name, image string, command, args []string, env map[string]pulumi.StringInput,
	mounts []Mount, resources Resources,
) *corev1.ContainerArgs {
	return &corev1.ContainerArgs{
		Name:                     pulumi.String(name),
		Image:                    pulumi.String(image),
		ImagePullPolicy:          pulumi.String(a.ImagePullPolicy),
		Command:                  words(command),
		Args:                     words(args),
		Env:                      environment(env),
		VolumeMounts:             volumeMounts(mounts),
		Resources:                resources.Args(),
		SecurityContext:          kube.RestrictedContainer(),
		TerminationMessagePolicy: pulumi.String("FallbackToLogsOnError"),
	}
}

func (a *Args) containerPorts() corev1.ContainerPortArray {
	ports := corev1.ContainerPortArray{}
	if a.Port != 0 {
		ports = append(ports, containerPort(portName, a.Port))
	}
	if a.HealthPort != a.Port {
		ports = append(ports, containerPort(healthName, a.HealthPort))
	}
	return ports
}

func containerPort(name string, number int) *corev1.ContainerPortArgs {
	return &corev1.ContainerPortArgs{
		Name:          pulumi.String(name),
		ContainerPort: pulumi.Int(number),
		Protocol:      pulumi.String("TCP"),
	}
}

func (a *Args) probe(path string, period, failures int) *corev1.ProbeArgs {
	name := healthName
	if a.HealthPort == a.Port {
		name = portName
	}
	return &corev1.ProbeArgs{
		HttpGet:          &corev1.HTTPGetActionArgs{Path: pulumi.String(path), Port: pulumi.String(name)},
		PeriodSeconds:    pulumi.Int(period),
		TimeoutSeconds:   pulumi.Int(2),
		FailureThreshold: pulumi.Int(failures),
	}
}

// spread keeps the pods of one revision apart, by zone and by node, without
// ever leaving a pod unscheduled for it.
func spread(labels map[string]string) corev1.TopologySpreadConstraintArray {
	constraint := func(key string) *corev1.TopologySpreadConstraintArgs {
		return &corev1.TopologySpreadConstraintArgs{
			LabelSelector:     kube.Match(labels),
			MatchLabelKeys:    pulumi.ToStringArray([]string{"pod-template-hash"}),
			MaxSkew:           pulumi.Int(1),
			TopologyKey:       pulumi.String(key),
			WhenUnsatisfiable: pulumi.String("ScheduleAnyway"),
		}
	}
	return corev1.TopologySpreadConstraintArray{
		constraint("topology.kubernetes.io/zone"),
		constraint("kubernetes.io/hostname"),
	}
}

// environment is sorted, so that the order of a Go map never looks like a
// change to the pods.
func environment(env map[string]pulumi.StringInput) corev1.EnvVarArray {
	vars := corev1.EnvVarArray{}
	for _, name := range sortedKeys(env) {
		vars = append(vars, &corev1.EnvVarArgs{Name: pulumi.String(name), Value: env[name].ToStringOutput()})
	}
	return vars
}

func podMeta(labels kube.Labels, annotations pulumi.StringMap) *metav1.ObjectMetaArgs {
	return &metav1.ObjectMetaArgs{Labels: labels.All(), Annotations: annotations}
}

func words(list []string) pulumi.StringArrayInput {
	if len(list) == 0 {
		return nil
	}
	return pulumi.ToStringArray(list)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
