package kafka

import (
	_ "embed"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
)

const (
	// MetricsPort is where each node answers Prometheus on /metrics, with Args.Metrics.
	MetricsPort = 9404
	rulesKey    = "rules.yaml"
)

// metricRules turn Kafka's MBeans into metrics: rules of the Prometheus JMX exporter.
//
//go:embed metrics.yaml
var metricRules string

// metricsConfigMap holds the rules that the nodes' exporter reads at its start.
func metricsConfigMap(name string, namespace pulumi.StringInput) *corev1.ConfigMapArgs {
	labels := kube.Labels{Name: "kafka", Instance: name}
	return &corev1.ConfigMapArgs{
		Metadata: labels.Meta(metricsObject(name), namespace),
		Data:     pulumi.StringMap{rulesKey: pulumi.String(metricRules)},
	}
}

func metricsObject(cluster string) string { return cluster + "-metrics" }

// metricsConfig is the Kafka resource's part.
func metricsConfig(cluster string) object {
	return object{
		"type":      "jmxPrometheusExporter",
		"valueFrom": object{"configMapKeyRef": object{"name": metricsObject(cluster), "key": rulesKey}},
	}
}
