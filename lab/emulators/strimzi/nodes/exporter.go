package nodes

import (
	"cmp"
	"fmt"
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// ExporterFile is the name of the exporter's certificate in its Secret, without .crt.
	ExporterFile = "kafka-exporter"

	metricsPortName   = "tcp-prometheus"
	exporterCerts     = "/etc/kafka-exporter/kafka-exporter-certs/"
	exporterClusterCA = "/etc/kafka-exporter/cluster-ca-certs/"
)

// Exporter is the name of the Kafka Exporter's Deployment, its account, its network policy and its certificate, which
// is a super user's.
func (c *Cluster) Exporter() string { return c.Name + "-kafka-exporter" }

// ExporterSecret has the exporter's certificate.
func (c *Cluster) ExporterSecret() string { return c.Exporter() + "-certs" }

// ExporterObjects are the exporter's but its certificate (KafkaExporterReconciler). None if nobody asks for it.
func (c *Cluster) ExporterObjects(t Trust) []client.Object {
	if c.Spec.KafkaExporter == nil {
		return nil
	}
	// Metrics are for everybody.
	rules := []networkingv1.NetworkPolicyIngressRule{{Ports: policyPorts(MetricsPort)}}
	return []client.Object{
		&corev1.ServiceAccount{ObjectMeta: c.exporterMeta(c.Exporter())},
		&networkingv1.NetworkPolicy{ObjectMeta: c.exporterMeta(c.Exporter()), Spec: ingress(c.partLabels(c.Exporter()), rules)},
		c.exporterDeployment(t),
	}
}

// ExporterLeft are all objects of an exporter that nobody asks for any more. The Deployment is the last to go: while it
// is there, some may be left.
func (c *Cluster) ExporterLeft() []client.Object {
	meta := metav1.ObjectMeta{Name: c.Exporter(), Namespace: c.Namespace}
	return []client.Object{
		&corev1.ServiceAccount{ObjectMeta: meta},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: c.ExporterSecret(), Namespace: c.Namespace}},
		&networkingv1.NetworkPolicy{ObjectMeta: meta},
		&appsv1.Deployment{ObjectMeta: meta},
	}
}

func (c *Cluster) exporterMeta(name string) metav1.ObjectMeta {
	meta := c.Meta(name)
	meta.Labels = c.partLabels(c.Exporter())
	return meta
}

// exporterDeployment has the authorities' generations and its certificate's hash on its pod: the exporter reads both
// at its start.
func (c *Cluster) exporterDeployment(t Trust) *appsv1.Deployment {
	one, labels := int32(1), c.partLabels(c.Exporter())
	pod := maps.Clone(labels)
	pod["strimzi.io/component-type"] = "kafka-exporter"
	surge, away := intstr.FromInt32(1), intstr.FromInt32(0)
	return &appsv1.Deployment{
		ObjectMeta: c.exporterMeta(c.Exporter()),
		Spec: appsv1.DeploymentSpec{
			Replicas: &one,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Strategy: appsv1.DeploymentStrategy{
				Type:          appsv1.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: &surge, MaxUnavailable: &away},
			},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: pod, Annotations: map[string]string{
					Emulator:         EmulatorText,
					caCertGeneration: fmt.Sprint(t.CACert),
					CAKeyGeneration:  fmt.Sprint(t.CAKey),
					serverCertHash:   hash(t.Certificates[c.Exporter()]),
				}},
				Spec: corev1.PodSpec{
					ImagePullSecrets:             c.Spec.KafkaExporter.Template.Pod.ImagePullSecrets,
					ServiceAccountName:           c.Exporter(),
					AutomountServiceAccountToken: new(bool),
					EnableServiceLinks:           new(bool),
					SecurityContext:              restricted(),
					Containers:                   []corev1.Container{c.exporterContainer()},
					Volumes: []corev1.Volume{
						secretVolume("kafka-exporter-certs", c.ExporterSecret()), secretVolume("cluster-ca-certs", c.CASecret()),
					},
				},
			},
		},
	}
}

// exporterContainer has as flags what Strimzi's start script makes of its environment (kafka_exporter_run.sh).
func (c *Cluster) exporterContainer() corev1.Container {
	e := c.Spec.KafkaExporter
	args := []string{
		"--group.filter=" + cmp.Or(e.GroupRegex, ".*"),
		"--topic.filter=" + cmp.Or(e.TopicRegex, ".*"),
		"--tls.enabled",
		"--tls.ca-file=" + exporterClusterCA,
		"--tls.cert-file=" + exporterCerts + ExporterFile + ".crt",
		"--tls.key-file=" + exporterCerts + ExporterFile + ".key",
		fmt.Sprintf("--kafka.server=%s:%d", c.Bootstrap(), ReplicationPort),
		fmt.Sprintf("--web.listen-address=:%d", MetricsPort),
	}
	if e.GroupExcludeRegex != "" {
		args = append(args, "--group.exclude="+e.GroupExcludeRegex)
	}
	if e.TopicExcludeRegex != "" {
		args = append(args, "--topic.exclude="+e.TopicExcludeRegex)
	}
	container := corev1.Container{
		Name: c.Exporter(), Image: c.ExporterImage, ImagePullPolicy: corev1.PullIfNotPresent,
		Args:            args,
		Env:             e.Template.Container.Env,
		SecurityContext: security(e.Template.Container.SecurityContext),
		Ports:           []corev1.ContainerPort{tcp(metricsPortName, MetricsPort)},
		ReadinessProbe:  exporterProbe(),
		LivenessProbe:   exporterProbe(),
		VolumeMounts: []corev1.VolumeMount{
			{Name: "kafka-exporter-certs", MountPath: exporterCerts, ReadOnly: true},
			{Name: "cluster-ca-certs", MountPath: exporterClusterCA, ReadOnly: true},
		},
	}
	if e.Resources != nil {
		container.Resources = *e.Resources
	}
	return container
}

// exporterProbe has Strimzi's times.
func exporterProbe() *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler:        corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/healthz", Port: intstr.FromString(metricsPortName)}},
		InitialDelaySeconds: 15, TimeoutSeconds: 15, PeriodSeconds: 30,
	}
}
