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
		Containers:                    corev1.ContainerArray{container(a)},
		Volumes:                       volumes(name),
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

// container names its command, so that the image's entry point, which changes
// the owner of its folder, has no say.
func container(a *Args) *corev1.ContainerArgs {
	return &corev1.ContainerArgs{
		Name:            pulumi.String("redis"),
		Image:           a.Image.ToStringOutput(),
		ImagePullPolicy: a.ImagePullPolicy.ToStringOutput(),
		Command:         pulumi.ToStringArray([]string{"redis-server", configPath + "/redis.conf"}),
		Ports: corev1.ContainerPortArray{&corev1.ContainerPortArgs{
			Name:          pulumi.String("redis"),
			ContainerPort: pulumi.Int(Port),
			Protocol:      pulumi.String("TCP"),
		}},
		Resources:       kube.Resources(a.Resources),
		SecurityContext: kube.RestrictedContainer(),
		StartupProbe:    probe(1, 30),
		ReadinessProbe:  probe(5, 3),
		LivenessProbe:   probe(10, 6),
		VolumeMounts: corev1.VolumeMountArray{
			kube.ReadOnlyMount("config", configPath),
			kube.ReadOnlyMount("acl", aclPath),
			kube.Mount("data", dataPath),
		},
	}
}

func volumes(name string) corev1.VolumeArray {
	return corev1.VolumeArray{
		&corev1.VolumeArgs{
			Name:      pulumi.String("config"),
			ConfigMap: &corev1.ConfigMapVolumeSourceArgs{Name: pulumi.String(name + "-config")},
		},
		&corev1.VolumeArgs{
			Name: pulumi.String("acl"),
			Secret: &corev1.SecretVolumeSourceArgs{
				SecretName:  pulumi.String(name + "-acl"),
				DefaultMode: pulumi.Int(0o440),
			},
		},
		// The server wants a working folder, and writes nothing to it.
		kube.EmptyDir("data", "16Mi"),
	}
}

// probe asks the server for an answer, as check does.
func probe(period, failures int) *corev1.ProbeArgs {
	return &corev1.ProbeArgs{
		Exec:             &corev1.ExecActionArgs{Command: pulumi.ToStringArray([]string{"sh", "-c", check(Port)})},
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
// second SIGINT does not. $1 is the server's process.
func check(port int) string {
	return fmt.Sprintf(`ask() { redis-cli -h 127.0.0.1 -p %d "$@"; }
case $(ask ping) in
PONG) exit 0 ;;
BUSY*) case $(ask script kill; ask function kill) in *UNKILLABLE*) kill -INT "${1:-1}"; sleep 1; kill -INT "${1:-1}" ;; esac ;;
esac
exit 1`, port)
}
