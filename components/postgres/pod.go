package postgres

import (
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
)

const (
	// userID is the user postgres of the official Debian image.
	userID = 999

	volumePath      = "/var/lib/postgresql/data"
	dataPath        = volumePath + "/pgdata"
	configPath      = "/etc/postgresql"
	credentialsPath = "/etc/postgresql-credentials"
	socketPath      = "/var/run/postgresql"
)

// podMeta carries the checksum of what the server reads only at its start.
func podMeta(p plan, checksum pulumi.StringInput) *metav1.ObjectMetaArgs {
	return &metav1.ObjectMetaArgs{
		Labels:      p.podLabels(),
		Annotations: pulumi.StringMap{kube.ChecksumAnnotation: checksum},
	}
}

func podSpec(p plan) *corev1.PodSpecArgs {
	spec := &corev1.PodSpecArgs{
		AutomountServiceAccountToken:  pulumi.Bool(false),
		EnableServiceLinks:            pulumi.Bool(false),
		SecurityContext:               kube.RestrictedPod(userID),
		TerminationGracePeriodSeconds: pulumi.Int(p.TerminationGraceSeconds),
		InitContainers:                corev1.ContainerArray{bootstrapContainer(p)},
		Containers:                    corev1.ContainerArray{serverContainer(p)},
		Volumes:                       volumes(p),
		TopologySpreadConstraints:     spread(p),
		Tolerations:                   kube.Tolerations(p.Tolerations),
	}
	if p.NodeSelector != nil {
		spec.NodeSelector = p.NodeSelector
	}
	if kube.Given(p.PriorityClass) {
		spec.PriorityClassName = p.PriorityClass.ToStringOutput()
	}
	if p.replicated() {
		spec = memberPod(p, spec)
	}
	return backedUp(p, spec)
}

// jobPodSpec is that of a Job beside the shards: placed as a shard is, once, with nothing of
// a server. Containers and volumes are the caller's to replace.
func jobPodSpec(p plan) *corev1.PodSpecArgs {
	spec := podSpec(p)
	spec.RestartPolicy = pulumi.String("Never")
	spec.InitContainers, spec.TopologySpreadConstraints, spec.Affinity = nil, nil, nil
	spec.ServiceAccountName, spec.AutomountServiceAccountToken = nil, pulumi.Bool(false)
	spec.TerminationGracePeriodSeconds = pulumi.Int(5)
	return spec
}

// bootstrapContainer has the server's resources, because it replays the log of
// a server that was killed.
func bootstrapContainer(p plan) *corev1.ContainerArgs {
	c := container(p, "bootstrap", "sh", configPath+"/bootstrap.sh")
	c.Env = append(c.Env.(corev1.EnvVarArray),
		env("DATABASE", Database(p.id)), env("CREDENTIALS", credentialsPath), env("CONFIG", configPath), podEnv())
	c.VolumeMounts = append(mounts(p),
		kube.ReadOnlyMount("admin-credentials", credentialsPath+"/admin"),
		kube.ReadOnlyMount("app-credentials", credentialsPath+"/app"))
	return c
}

// serverContainer names its command, so that the image's own entry point, which
// wants to be root and to make a database, has no say.
func serverContainer(p plan) *corev1.ContainerArgs {
	c := container(p, "postgres", locked(serverCommand(p.Args)...)...)
	c.Env = append(c.Env.(corev1.EnvVarArray), env("RUN", socketPath))
	c.Ports = corev1.ContainerPortArray{&corev1.ContainerPortArgs{
		Name:          pulumi.String("postgres"),
		ContainerPort: pulumi.Int(Port),
		Protocol:      pulumi.String("TCP"),
	}}
	c.StartupProbe = startupProbe()
	c.ReadinessProbe = readinessProbe()
	followed(p, c)
	c.LivenessProbe = livenessProbe()
	c.Lifecycle = &corev1.LifecycleArgs{PreStop: &corev1.LifecycleHandlerArgs{Exec: fastStop()}}
	return c
}

// serverCommand starts the server with the limit of each of its processes, see server.sh.
func serverCommand(a *Args) []string {
	return []string{"sh", configPath + "/server.sh", fmt.Sprint(tuning(a).ProcessMemory / kiB), "-c", "config_file=" + configPath + "/postgresql.conf"}
}

// locked is a command that begins when no other pod has the volume, see lock.sh.
func locked(command ...string) []string {
	return append([]string{"sh", configPath + "/lock.sh"}, command...)
}

// podEnv tells startup.sh which of the StatefulSet's pods it is in.
func podEnv() *corev1.EnvVarArgs { return fieldEnv("POD", "metadata.name") }

// fastStop ends sessions and writes a checkpoint. A bare SIGTERM, which a pod
// gets unless its image says otherwise, would wait for every pool to hang up
// until the grace period is over and the server is killed.
func fastStop() *corev1.ExecActionArgs {
	return execAction("pg_ctl", "stop", "--mode=fast", "--no-wait")
}

func container(p plan, name string, command ...string) *corev1.ContainerArgs {
	return &corev1.ContainerArgs{
		Name:            pulumi.String(name),
		Image:           p.image().ToStringOutput(),
		ImagePullPolicy: p.ImagePullPolicy.ToStringOutput(),
		Command:         pulumi.ToStringArray(command),
		Env:             append(corev1.EnvVarArray{env("PGDATA", dataPath)}, tlsEnv(p)...),
		Resources:       kube.Resources(p.Resources),
		SecurityContext: kube.RestrictedContainer(),
		VolumeMounts:    mounts(p),
	}
}

func env(name, value string) *corev1.EnvVarArgs {
	return &corev1.EnvVarArgs{Name: pulumi.String(name), Value: pulumi.String(value)}
}

func mounts(p plan) corev1.VolumeMountArray {
	return append(corev1.VolumeMountArray{
		kube.Mount("data", volumePath),
		kube.ReadOnlyMount("config", configPath),
		kube.Mount("run", socketPath),
		kube.Mount("tmp", "/tmp"),
		kube.Mount("shm", "/dev/shm"),
	}, tlsMounts(p)...)
}

func volumes(p plan) corev1.VolumeArray {
	shm := fmt.Sprintf("%dMi", tuning(p.Args).SharedMemoryVolume/miB)
	return append(corev1.VolumeArray{
		&corev1.VolumeArgs{
			Name:                  pulumi.String("data"),
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSourceArgs{ClaimName: pulumi.String(p.claim())},
		},
		&corev1.VolumeArgs{
			Name:      pulumi.String("config"),
			ConfigMap: &corev1.ConfigMapVolumeSourceArgs{Name: pulumi.String(p.configMap())},
		},
		kube.SecretVolume("admin-credentials", p.secret(AdminCredentials)),
		kube.SecretVolume("app-credentials", p.secret(AppCredentials)),
		kube.EmptyDir("run", "16Mi"),
		kube.EmptyDir("tmp", "64Mi"),
		// Parallel queries need more than the 64 MB of a container's default.
		kube.MemoryDir("shm", shm),
	}, tlsVolumes(p)...)
}

const nodeKey = "kubernetes.io/hostname"

var topologyKeys = []string{"topology.kubernetes.io/zone", nodeKey}

// spread counts the pods of all shards, so that one zone's or node's failure takes
// as few of them as possible. It prefers and never insists: a volume ties its pod to
// a zone, so that an uneven spread, after shards have left or with a zone away, would
// keep a healthy shard from starting.
func spread(p plan) corev1.TopologySpreadConstraintArray {
	var all corev1.TopologySpreadConstraintArray
	for _, key := range topologyKeys {
		all = append(all, &corev1.TopologySpreadConstraintArgs{
			MaxSkew:           pulumi.Int(1),
			TopologyKey:       pulumi.String(key),
			WhenUnsatisfiable: pulumi.String("ScheduleAnyway"),
			LabelSelector:     kube.Match(PodLabels(p.component)),
		})
	}
	return all
}
