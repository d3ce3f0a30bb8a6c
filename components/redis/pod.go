package redis

import (
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
)

func podSpec(name string, a *Args) *corev1.PodSpecArgs {
	spec := &corev1.PodSpecArgs{
		AutomountServiceAccountToken:  pulumi.Bool(false),
		EnableServiceLinks:            pulumi.Bool(false),
		SecurityContext:               kube.RestrictedPod(userID),
		TerminationGracePeriodSeconds: pulumi.Int(a.TerminationGraceSeconds),
		Containers:                    containers(name, a),
		Volumes:                       append(volumes(name), tlsVolumes(name, a)...),
		Tolerations:                   kube.Tolerations(a.Tolerations),
	}
	if a.NodeSelector != nil {
		spec.NodeSelector = a.NodeSelector
	}
	if kube.Given(a.PriorityClass) {
		spec.PriorityClassName = a.PriorityClass.ToStringOutput()
	}
	return spec
}

func containers(name string, a *Args) corev1.ContainerArray {
	all := corev1.ContainerArray{container(a)}
	if a.TLS != nil {
		all = append(all, tlsContainer(name, a))
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
		StartupProbe:    probe(a, 1, startupSeconds(a)),
		ReadinessProbe:  probe(a, 5, 3),
		LivenessProbe:   probe(a, 10, 6),
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

func volumes(name string) corev1.VolumeArray {
	return corev1.VolumeArray{
		&corev1.VolumeArgs{
			Name:      pulumi.String("config"),
			ConfigMap: &corev1.ConfigMapVolumeSourceArgs{Name: pulumi.String(name + "-config")},
		},
		kube.SecretVolume("acl", name+"-acl"),
		// The server wants a working folder, and writes nothing to it.
		kube.EmptyDir("data", "16Mi"),
	}
}

// probe asks the server for an answer, as check does.
func probe(a *Args, period, failures int) *corev1.ProbeArgs {
	return execProbe(check(reached(a)), period, failures)
}

func execProbe(command string, period, failures int) *corev1.ProbeArgs {
	return &corev1.ProbeArgs{
		Exec:             &corev1.ExecActionArgs{Command: pulumi.ToStringArray([]string{"sh", "-c", command})},
		PeriodSeconds:    pulumi.Int(period),
		TimeoutSeconds:   pulumi.Int(3),
		FailureThreshold: pulumi.Int(failures),
	}
}

// check compares the answer, because redis-cli calls an error a success. The default user
// may PING, so no probe knows a password.
//
// A script or a function that runs too long holds up every client. The check ends it, or
// the server if it has written: that cannot be undone, SIGTERM waits for its end, and the
// second SIGINT does not. $1 is the server's process, and server are redis-cli's options
// that say where it is.
func check(server string) string {
	return fmt.Sprintf(`ask() { redis-cli %s "$@"; }
case $(ask ping) in
PONG) exit 0 ;;
BUSY*) case $(ask script kill; ask function kill) in *UNKILLABLE*) kill -INT "${1:-1}"; sleep 1; kill -INT "${1:-1}" ;; esac ;;
esac
exit 1`, server)
}
