package service

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
)

const (
	// PortName is that of the containers' Port, for a network policy that lets in others
	// than IngressFrom.
	PortName = "http"

	metricsName = "metrics"
	healthName  = "health"
)

// container is the program itself, with its ports, probes and stop hook.
func (a *Args) container(name string) *corev1.ContainerArgs {
	program := kube.Program{
		Name: name, Image: a.Image, PullPolicy: a.ImagePullPolicy, Command: a.Command, Args: a.Args,
		Env: []kube.Env{a.BaseEnv, a.Env}, Mounts: a.Mounts, Resources: a.Resources,
	}
	c := program.Container()
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

func (a *Args) containerPorts() corev1.ContainerPortArray {
	ports := corev1.ContainerPortArray{}
	if a.Port != 0 {
		ports = append(ports, kube.ContainerPort(PortName, a.Port))
	}
	if a.MetricsPort != 0 {
		ports = append(ports, kube.ContainerPort(metricsName, a.MetricsPort))
	}
	if a.healthPortName() == healthName {
		ports = append(ports, kube.ContainerPort(healthName, a.HealthPort))
	}
	return ports
}

func (a *Args) healthPortName() string {
	switch a.HealthPort {
	case a.MetricsPort:
		return metricsName
	case a.Port:
		return PortName
	}
	return healthName
}

func (a *Args) probe(path string, period, failures int) *corev1.ProbeArgs {
	return &corev1.ProbeArgs{
		HttpGet:          &corev1.HTTPGetActionArgs{Path: pulumi.String(path), Port: pulumi.String(a.healthPortName())},
		PeriodSeconds:    pulumi.Int(period),
		TimeoutSeconds:   pulumi.Int(2),
		FailureThreshold: pulumi.Int(failures),
	}
}

// spread keeps the pods of one revision apart, by zone and by node, without
// ever leaving a pod unscheduled for it.
func spread(labels pulumi.StringMap) corev1.TopologySpreadConstraintArray {
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
