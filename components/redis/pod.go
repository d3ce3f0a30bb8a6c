package redis

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
)

func podSpec(s server, a *Args) *corev1.PodSpecArgs {
	spec := &corev1.PodSpecArgs{
		AutomountServiceAccountToken:  pulumi.Bool(false),
		EnableServiceLinks:            pulumi.Bool(false),
		SecurityContext:               kube.RestrictedPod(userID),
		TerminationGracePeriodSeconds: pulumi.Int(a.TerminationGraceSeconds),
		Containers:                    containers(s, a),
		Volumes:                       append(volumes(s), tlsVolumes(s, a)...),
		Tolerations:                   kube.Tolerations(a.Tolerations),
		TopologySpreadConstraints:     s.spread(),
	}
	if a.NodeSelector != nil {
		spec.NodeSelector = a.NodeSelector
	}
	if kube.Given(a.PriorityClass) {
		spec.PriorityClassName = a.PriorityClass.ToStringOutput()
	}
	return spec
}

func containers(s server, a *Args) corev1.ContainerArray {
	all := corev1.ContainerArray{container(a)}
	if a.TLS != nil {
		all = append(all, tlsContainer(s, a))
	}
	return all
}

// container names its command, so that the image's entry point, which changes
// the owner of its folder, has no say.
func container(a *Args) *corev1.ContainerArgs {
	return &corev1.ContainerArgs{
		Name:            pulumi.String("redis"),
		Image:           a.Image.ToStringOutput(),
		ImagePullPolicy: a.ImagePullPolicy.ToStringOutput(),
		Command:         pulumi.ToStringArray(startCommand(a)),
		Ports:           containerPorts(a),
		Resources:       kube.Resources(a.Resources),
		SecurityContext: kube.RestrictedContainer(),
		StartupProbe:    probe(a, alive, 1, startupSeconds(a)),
		ReadinessProbe:  probe(a, ready, 5, 3),
		LivenessProbe:   probe(a, alive, 10, 6),
		VolumeMounts: corev1.VolumeMountArray{
			kube.ReadOnlyMount("config", configPath),
			userMount(a),
			kube.Mount("data", dataPath),
		},
	}
}

func containerPorts(a *Args) corev1.ContainerPortArray {
	all := corev1.ContainerPortArray{}
	for _, open := range openPorts(a) {
		all = append(all, kube.ContainerPort(open.name, open.number))
	}
	return all
}

func volumes(s server) corev1.VolumeArray {
	return corev1.VolumeArray{
		&corev1.VolumeArgs{
			Name:      pulumi.String("config"),
			ConfigMap: &corev1.ConfigMapVolumeSourceArgs{Name: pulumi.String(s.name() + "-config")},
		},
		kube.SecretVolume("acl", s.name()+"-acl"),
		// The server wants a working folder, and writes nothing to it.
		kube.EmptyDir("data", "16Mi"),
	}
}
