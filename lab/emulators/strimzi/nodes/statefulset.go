package nodes

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
)

const (
	// user is the one of the image.
	user = int64(1001)
	// maxHeap is Strimzi's: above it the page cache has more use of memory.
	maxHeap = int64(5) << 30

	configHash    = "dev.scalestack/config"
	authorityHash = "dev.scalestack/authorities"
)

// StatefulSet runs a pool's nodes. Its pods are replaced one after another when the configuration changes, or one of
// the authorities, which are named by their Secrets. A new certificate of the same authority is no reason: the old one
// serves as well, and a pool that grows has new ones.
func (c *Cluster) StatefulSet(p Pool, authorities map[string][]byte) *appsv1.StatefulSet {
	replicas, labels := int32(len(p.IDs)), c.poolLabels(p)
	meta := c.Meta(c.Set(p))
	meta.Labels = labels
	first := int32(0)
	if len(p.IDs) > 0 {
		first = p.IDs[0]
	}
	s := &appsv1.StatefulSet{
		ObjectMeta: meta,
		Spec: appsv1.StatefulSetSpec{
			Replicas:            &replicas,
			Ordinals:            &appsv1.StatefulSetOrdinals{Start: first},
			ServiceName:         c.Brokers(),
			PodManagementPolicy: appsv1.ParallelPodManagement,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{
				api.ClusterLabel: c.Name, "strimzi.io/pool-name": p.Name,
			}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{
					Emulator:      EmulatorText,
					configHash:    hash(map[string][]byte{configKey: []byte(c.serverConfig(p))}),
					authorityHash: hash(authorities),
				}},
				Spec: c.pod(p),
			},
			PersistentVolumeClaimRetentionPolicy: claimPolicy(disk(p.Spec.Storage)),
		},
	}
	if disk := disk(p.Spec.Storage); disk.Type != "ephemeral" {
		s.Spec.VolumeClaimTemplates = []corev1.PersistentVolumeClaim{c.claim(labels, disk)}
	}
	return s
}

func (c *Cluster) pod(p Pool) corev1.PodSpec {
	no, yes, who := false, true, user
	spec := corev1.PodSpec{
		AutomountServiceAccountToken:  &no,
		EnableServiceLinks:            &no,
		TerminationGracePeriodSeconds: p.Spec.Template.Pod.TerminationGracePeriodSeconds,
		TopologySpreadConstraints:     p.Spec.Template.Pod.TopologySpreadConstraints,
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: &yes, RunAsUser: &who, RunAsGroup: &who, FSGroup: &who,
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{c.container(p)},
		Volumes:    c.volumes(p),
	}
	return spec
}

func (c *Cluster) container(p Pool) corev1.Container {
	container := corev1.Container{
		Name:            "kafka",
		Image:           c.Image,
		ImagePullPolicy: corev1.PullIfNotPresent,
		SecurityContext: security(p.Spec.Template.KafkaContainer.SecurityContext),
		Env: []corev1.EnvVar{
			{Name: "KAFKA_CONFIG", Value: configFolder + "/" + configKey},
			{Name: "KAFKA_CERTIFICATES", Value: brokersFolder},
			{Name: "KAFKA_CLUSTER_ID", Value: ClusterID(c.Kafka)},
			{Name: "KAFKA_JVM_OPTIONS", Value: heap(p)},
		},
		Ports: []corev1.ContainerPort{},
		VolumeMounts: []corev1.VolumeMount{
			{Name: "config", MountPath: configFolder, ReadOnly: true},
			{Name: "broker-certs", MountPath: brokersFolder, ReadOnly: true},
			{Name: "cluster-ca", MountPath: clusterCAFolder, ReadOnly: true},
			{Name: "clients-ca", MountPath: clientsCAFolder, ReadOnly: true},
			{Name: "data-0", MountPath: dataFolder},
			{Name: "tmp", MountPath: "/tmp"},
		},
	}
	if p.Spec.Resources != nil {
		container.Resources = *p.Spec.Resources
	}
	port := ControlPort
	if p.Is(api.Controller) {
		container.Ports = append(container.Ports, tcp("tcp-ctrlplane", ControlPort))
	}
	if p.Is(api.Broker) {
		port = ReplicationPort
		container.Ports = append(container.Ports, tcp("tcp-replication", ReplicationPort))
		for _, l := range c.Spec.Kafka.Listeners {
			container.Ports = append(container.Ports, tcp("tcp-"+l.Name, l.Port))
		}
	}
	// A broker opens its port when it has caught up with the cluster's metadata. A start that reads a large log
	// again may take minutes.
	container.StartupProbe = listening(port, 2, 300)
	container.ReadinessProbe = listening(port, 5, 3)
	container.LivenessProbe = listening(port, 10, 6)
	return container
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

func (c *Cluster) volumes(p Pool) []corev1.Volume {
	mode := int32(0o440)
	secret := func(name, secret string) corev1.Volume {
		return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
			Secret: &corev1.SecretVolumeSource{SecretName: secret, DefaultMode: &mode},
		}}
	}
	limit := resource.MustParse("64Mi")
	all := []corev1.Volume{
		{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: c.Set(p)}, DefaultMode: &mode,
		}}},
		secret("broker-certs", c.BrokersSecret()),
		secret("cluster-ca", c.CASecret()),
		secret("clients-ca", c.ClientsCASecret()),
		// Certificates for Kafka, and the libraries that its jars unpack.
		{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &limit}}},
	}
	if disk := disk(p.Spec.Storage); disk.Type == "ephemeral" {
		data := &corev1.EmptyDirVolumeSource{}
		if size, err := resource.ParseQuantity(disk.SizeLimit); err == nil {
			data.SizeLimit = &size
		}
		all = append(all, corev1.Volume{Name: "data-0", VolumeSource: corev1.VolumeSource{EmptyDir: data}})
	}
	return all
}

// disk is a pool's one volume: Kafka 3.7 takes no more in KRaft mode.
func disk(s api.Storage) api.Volume {
	if len(s.Volumes) > 0 {
		return s.Volumes[0]
	}
	v := s.Volume
	v.Type = s.Type
	return v
}

// claim gets the pod's name from the StatefulSet, which makes it the name that Strimzi gives it.
func (c *Cluster) claim(labels map[string]string, v api.Volume) corev1.PersistentVolumeClaim {
	claim := corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "data-0", Labels: labels},
		Spec:       corev1.PersistentVolumeClaimSpec{AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}},
	}
	if size, err := resource.ParseQuantity(v.Size); err == nil {
		claim.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: size}
	}
	if v.Class != "" {
		claim.Spec.StorageClassName = &v.Class
	}
	return claim
}

func claimPolicy(v api.Volume) *appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy {
	policy := appsv1.RetainPersistentVolumeClaimRetentionPolicyType
	if v.DeleteClaim {
		policy = appsv1.DeletePersistentVolumeClaimRetentionPolicyType
	}
	return &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{WhenDeleted: policy, WhenScaled: policy}
}

// ClusterID is what a new volume is formatted with. It comes from the object, so that an operator that was killed in
// between gives the same to every node.
func ClusterID(k *api.Kafka) string {
	id, err := uuid.Parse(string(k.UID))
	if err != nil {
		id = uuid.NewSHA1(uuid.Nil, []byte(k.UID))
	}
	return base64.RawURLEncoding.EncodeToString(id[:])
}

func hash(data map[string][]byte) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(data)) {
		fmt.Fprintf(h, "%s %d\n%s", name, len(data[name]), data[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
