package strimzi

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
)

// metrics are the exporter's rules as JSON (MetricsModel.metricsJson). Empty: the resource asks for no metrics.
func (r *clusters) metrics(ctx context.Context, k *api.Kafka) (string, error) {
	m := k.Spec.Kafka.MetricsConfig
	if m == nil {
		return "", nil
	}
	ref := m.ValueFrom.ConfigMapKeyRef
	if m.Type != "jmxPrometheusExporter" || ref.Name == "" || ref.Key == "" {
		return "", invalid("InvalidResourceException", "metricsConfig is no jmxPrometheusExporter with a ConfigMap's name and key")
	}
	found := &corev1.ConfigMap{}
	err := r.Fresh.Get(ctx, types.NamespacedName{Namespace: k.Namespace, Name: ref.Name}, found)
	if isGone(err) {
		return "", invalid("InvalidConfigurationException", "ConfigMap "+ref.Name+" does not exist")
	}
	if err != nil {
		return "", err
	}
	rules, there := found.Data[ref.Key]
	switch {
	case !there:
		return "", invalid("InvalidConfigurationException", fmt.Sprintf("ConfigMap %s does not contain specified key %s", ref.Name, ref.Key))
	case rules == "":
		return "{}", nil
	}
	body, err := yaml.YAMLToJSON([]byte(rules))
	if err != nil {
		return "", invalid("InvalidConfigurationException", "Failed to parse metrics configuration: "+err.Error())
	}
	return string(body), nil
}
