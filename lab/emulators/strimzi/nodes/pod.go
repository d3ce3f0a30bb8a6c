package nodes

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
)

const (
	// user is the one of the image.
	user = int64(1001)
	// maxHeap is Strimzi's: above it the page cache has more use of memory.
	maxHeap = int64(5) << 30
)

func (c *Cluster) podSpec(p Pool, id int32) corev1.PodSpec {
	name := c.PodName(p, id)
	return corev1.PodSpec{
		RestartPolicy:                 corev1.RestartPolicyAlways,
		Hostname:                      name,
		Subdomain:                     c.Brokers(),
		ServiceAccountName:            c.Component(),
		AutomountServiceAccountToken:  new(bool),
		EnableServiceLinks:            new(bool),
		ImagePullSecrets:              p.Spec.Template.Pod.ImagePullSecrets,
		TerminationGracePeriodSeconds: p.Spec.Template.Pod.TerminationGracePeriodSeconds,
		TopologySpreadConstraints:     p.Spec.Template.Pod.TopologySpreadConstraints,
		SecurityContext:               restricted(),
		Containers:                    []corev1.Container{c.container(p)},
		Volumes:                       c.volumes(p, name),
	}
}

func restricted() *corev1.PodSecurityContext {
	yes, who := true, user
	return &corev1.PodSecurityContext{
		RunAsNonRoot: &yes, RunAsUser: &who, RunAsGroup: &who, FSGroup: &who,
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
}

func (c *Cluster) container(p Pool) corev1.Container {
	container := corev1.Container{
		Name:            "kafka",
		Image:           c.Image,
		ImagePullPolicy: corev1.PullIfNotPresent,
		SecurityContext: security(p.Spec.Template.KafkaContainer.SecurityContext),
		Env: []corev1.EnvVar{
			{Name: "KAFKA_METRICS_ENABLED", Value: fmt.Sprint(c.Metrics != "")},
			{Name: "KAFKA_JVM_OPTIONS", Value: heap(p)},
		},
		Ports: c.ports(p),
		VolumeMounts: []corev1.VolumeMount{
			{Name: "config", MountPath: configFolder, ReadOnly: true},
			{Name: "broker-certs", MountPath: brokersFolder, ReadOnly: true},
			{Name: "cluster-ca", MountPath: clusterCAFolder, ReadOnly: true},
			{Name: "clients-ca", MountPath: clientsCAFolder, ReadOnly: true},
			{Name: "tmp", MountPath: "/tmp"},
		},
	}
	for _, d := range disks(p.Spec.Storage) {
		container.VolumeMounts = append(container.VolumeMounts, d.mount())
	}
	if p.Spec.Resources != nil {
		container.Resources = *p.Spec.Resources
	}
	port := ControlPort
	if p.Is(api.Broker) {
		port = ReplicationPort
	}
	// A broker opens its port when it has caught up with the cluster's metadata. A start that reads a large log
	// again may take minutes.
	container.StartupProbe = listening(port, 2, 300)
	container.ReadinessProbe = listening(port, 5, 3)
	container.LivenessProbe = listening(port, 10, 6)
	return container
}

// ports follow KafkaCluster.getContainerPortList.
func (c *Cluster) ports(p Pool) []corev1.ContainerPort {
	all := []corev1.ContainerPort{tcp("tcp-kafkaagent", AgentPort)}
	if p.Is(api.Controller) {
		all = append(all, tcp("tcp-ctrlplane", ControlPort))
	}
	if p.Is(api.Broker) {
		all = append(all, tcp("tcp-replication", ReplicationPort))
		for _, l := range c.Spec.Kafka.Listeners {
			all = append(all, tcp("tcp-"+l.Name, l.Port))
		}
	}
	if c.Metrics != "" {
		all = append(all, tcp(metricsPortName, MetricsPort))
	}
	return all
}

func tcp(name string, port int32) corev1.ContainerPort {
	return corev1.ContainerPort{Name: name, ContainerPort: port, Protocol: corev1.ProtocolTCP}
}

func listening(port int, period, failures int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{
			Command: []string{"kafka-listening", fmt.Sprint(port)},
		}},
		PeriodSeconds: period, TimeoutSeconds: 5, FailureThreshold: failures,
	}
}

// security is what the user asked for, on a root file system that nothing writes to.
func security(asked *corev1.SecurityContext) *corev1.SecurityContext {
	context := &corev1.SecurityContext{}
	if asked != nil {
		context = asked.DeepCopy()
	}
	yes := true
	context.ReadOnlyRootFilesystem = &yes
	return context
}

// heap is half of the memory, as Strimzi divides it.
func heap(p Pool) string {
	if p.Spec.Resources == nil {
		return "-Xms128m"
	}
	memory := p.Spec.Resources.Limits.Memory().Value()
	if memory == 0 {
		memory = p.Spec.Resources.Requests.Memory().Value()
	}
	size := min(memory/2, maxHeap) >> 20
	if size == 0 {
		return "-Xms128m"
	}
	return fmt.Sprintf("-Xms%dm -Xmx%dm", size, size)
}

func (c *Cluster) volumes(p Pool, pod string) []corev1.Volume {
	mode := int32(0o440)
	limit := resource.MustParse("64Mi")
	all := []corev1.Volume{
		{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: pod}, DefaultMode: &mode,
		}}},
		secretVolume("broker-certs", c.BrokersSecret()),
		secretVolume("cluster-ca", c.CASecret()),
		secretVolume("clients-ca", c.ClientsCASecret()),
		// Certificates for Kafka, and the libraries that its jars unpack.
		{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &limit}}},
	}
	for _, d := range disks(p.Spec.Storage) {
		all = append(all, d.volume(pod))
	}
	return all
}

func secretVolume(name, secret string) corev1.Volume {
	mode := int32(0o440)
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
		Secret: &corev1.SecretVolumeSource{SecretName: secret, DefaultMode: &mode},
	}}
}
