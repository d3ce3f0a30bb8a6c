package nodes

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
)

// exporterSpec is as components/kafka makes it, with a pull secret.
func exporterSpec(t *testing.T) *api.KafkaExporter {
	t.Helper()
	spec := &api.KafkaExporter{}
	require.NoError(t, json.Unmarshal([]byte(`{
		"topicRegex": ".*", "groupRegex": ".*",
		"resources": {"requests": {"cpu": "20m", "memory": "128Mi"}, "limits": {"cpu": "200m", "memory": "128Mi"}},
		"template": {
			"pod": {"imagePullSecrets": [{"name": "registry"}]},
			"container": {"env": [{"name": "A", "value": "b"}], "securityContext": {
				"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
				"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}}}
		}}`), spec))
	return spec
}

func TestExporter(t *testing.T) {
	c := load(t, "dev")
	require.Empty(t, c.ExporterObjects(Trust{}))
	c.Spec.KafkaExporter = exporterSpec(t)
	var names []string
	for _, object := range c.ExporterObjects(Trust{}) {
		require.Equal(t, "kafka-kafka-exporter", object.GetLabels()["strimzi.io/name"])
		names = append(names, fmt.Sprintf("%T %s", object, object.GetName()))
	}
	require.Equal(t, []string{
		"*v1.ServiceAccount kafka-kafka-exporter", "*v1.NetworkPolicy kafka-kafka-exporter", "*v1.Deployment kafka-kafka-exporter",
	}, names)

	deployment := c.exporterDeployment(Trust{CACert: 1, CAKey: 2})
	pod := deployment.Spec.Template
	require.Equal(t, "kafka-exporter", pod.Labels["strimzi.io/component-type"])
	require.Equal(t, "1", pod.Annotations["strimzi.io/cluster-ca-cert-generation"])
	require.Equal(t, "registry", pod.Spec.ImagePullSecrets[0].Name)
	require.Equal(t, "kafka-kafka-exporter-certs", pod.Spec.Volumes[0].Secret.SecretName)
	require.Equal(t, "kafka-cluster-ca-cert", pod.Spec.Volumes[1].Secret.SecretName)
	container := pod.Spec.Containers[0]
	require.Equal(t, "scalestack/kafka-exporter:lab", container.Image)
	require.Equal(t, "tcp-prometheus 9404", fmt.Sprint(container.Ports[0].Name, " ", container.Ports[0].ContainerPort))
	require.Equal(t, map[string]string{"A": "b"}, environment(container))
	require.Equal(t, "128Mi", container.Resources.Limits.Memory().String())
	require.Equal(t, "/healthz", container.ReadinessProbe.HTTPGet.Path)
	require.Equal(t, []string{
		"--group.filter=.*", "--topic.filter=.*", "--tls.enabled", "--tls.ca-file=/etc/kafka-exporter/cluster-ca-certs/",
		"--tls.cert-file=/etc/kafka-exporter/kafka-exporter-certs/kafka-exporter.crt",
		"--tls.key-file=/etc/kafka-exporter/kafka-exporter-certs/kafka-exporter.key",
		"--kafka.server=kafka-kafka-bootstrap:9091", "--web.listen-address=:9404",
	}, container.Args)
}

func TestExporterWithExpressions(t *testing.T) {
	c := load(t, "dev")
	c.Spec.KafkaExporter = &api.KafkaExporter{GroupRegex: "^mail", TopicExcludeRegex: "^__", GroupExcludeRegex: "x"}
	args := c.exporterContainer().Args
	require.Equal(t, []string{"--group.filter=^mail", "--topic.filter=.*"}, args[:2])
	require.Equal(t, []string{"--group.exclude=x", "--topic.exclude=^__"}, args[len(args)-2:])
	require.Equal(t, corev1.ResourceRequirements{}, c.exporterContainer().Resources)
}

// Everybody may read metrics, and the exporter gets in where only the cluster's own parts do.
func TestExporterNetwork(t *testing.T) {
	c := load(t, "dev")
	c.Spec.KafkaExporter = &api.KafkaExporter{}
	policy := c.ExporterObjects(Trust{})[1].(*networkingv1.NetworkPolicy).Spec
	require.Len(t, policy.Ingress, 1)
	require.Equal(t, 9404, policy.Ingress[0].Ports[0].Port.IntValue())
	require.Empty(t, policy.Ingress[0].From)
	labels := c.ExporterObjects(Trust{})[2].(*appsv1.Deployment).Spec.Template.Labels
	require.Subset(t, labels, policy.PodSelector.MatchLabels)
	replication := c.NetworkPolicy().Spec.Ingress[1]
	require.Equal(t, ReplicationPort, replication.Ports[0].Port.IntValue())
	require.Contains(t, replication.From, peer(map[string]string{api.NameLabel: labels[api.NameLabel]}))
}

func TestExporterLeft(t *testing.T) {
	c := load(t, "dev")
	left := c.ExporterLeft()
	require.Len(t, left, 4)
	require.IsType(t, &appsv1.Deployment{}, left[3], "the others are looked for only while it is there")
}
