package kafka

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
)

func TestMetricsAreExportedIfAsked(t *testing.T) {
	const config = "spec.kafka.metricsConfig"
	_, found := kubetest.Value(run(t, production()).Get(t, "Kafka", "kafka"), config)
	require.False(t, found)

	a := production()
	a.Metrics = true
	r := run(t, a)
	k := r.Get(t, "Kafka", "kafka")
	require.Equal(t, "jmxPrometheusExporter", kubetest.Text(k, config+".type"))
	require.Equal(t, "kafka-metrics", kubetest.Text(k, config+".valueFrom.configMapKeyRef.name"))
	key := kubetest.Text(k, config+".valueFrom.configMapKeyRef.key")
	require.Equal(t, metricRules, kubetest.Text(r.Get(t, "ConfigMap", "kafka-metrics"), `data["`+key+`"]`))
	require.Contains(t, strings.Join(k.RegisterRPC.GetDependencies(), "\n"), "::kafka-metrics")
}

// exported is what the exporter makes of a bean by the rules: the first that matches
// anywhere in its name decides.
func exported(t *testing.T, bean string) string {
	t.Helper()
	var config struct {
		Rules []struct {
			Pattern, Name string
			Type          string
			Labels        map[string]string
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(metricRules), &config))
	require.NotEmpty(t, config.Rules)
	for _, rule := range config.Rules {
		pattern := regexp.MustCompile("^.*(?:" + rule.Pattern + ").*$")
		if match := pattern.FindStringSubmatchIndex(bean); match != nil {
			name := string(pattern.ExpandString(nil, braced(rule.Name), bean, match))
			for label, value := range rule.Labels {
				name += "{" + label + "=" + string(pattern.ExpandString(nil, braced(value), bean, match)) + "}"
			}
			return strings.ToLower(strings.NewReplacer("-", "_").Replace(name))
		}
	}
	return ""
}

// braced turns Java's $1 into Go's ${1}.
func braced(template string) string {
	return regexp.MustCompile(`\$(\d)`).ReplaceAllString(template, "$${$1}")
}

func TestMetricRules(t *testing.T) {
	for bean, want := range map[string]string{
		"kafka.server<type=BrokerTopicMetrics, name=BytesInPerSec, topic=user_events><>Count: 7":            "kafka_server_topic_bytesin_total{topic=user_events}",
		"kafka.server<type=BrokerTopicMetrics, name=MessagesInPerSec><>Count: 7":                            "kafka_server_brokertopicmetrics_messagesin_total",
		"kafka.server<type=ReplicaManager, name=UnderReplicatedPartitions><>Value: 0":                       "kafka_server_replicamanager_underreplicatedpartitions",
		"kafka.server<type=ReplicaManager, name=IsrShrinksPerSec><>Count: 0":                                "kafka_server_replicamanager_isrshrinks_total",
		"kafka.controller<type=KafkaController, name=OfflinePartitionsCount><>Value: 0":                     "kafka_controller_kafkacontroller_offlinepartitionscount",
		"kafka.controller<type=KafkaController, name=ActiveControllerCount><>Value: 1":                      "kafka_controller_kafkacontroller_activecontrollercount",
		"kafka.network<type=RequestMetrics, name=TotalTimeMs, request=Produce><>99thPercentile: 3":          "kafka_network_request_time_ms_p99{request=produce}",
		"kafka.server<type=KafkaRequestHandlerPool, name=RequestHandlerAvgIdlePercent><>OneMinuteRate: 0.9": "kafka_server_request_handler_idle_ratio",
		"kafka.server<type=raft-metrics><>current-leader: 0":                                                "kafka_server_raft_metrics_current_leader",
		"kafka.log<type=Log, name=Size, topic=a, partition=3><>Value: 1":                                    "",
		"kafka.cluster<type=Partition, name=UnderReplicated, topic=a, partition=3><>Value: 1":               "",
		"kafka.network<type=RequestMetrics, name=TotalTimeMs, request=Metadata><>99thPercentile: 3":         "",
	} {
		require.Equal(t, want, exported(t, bean), bean)
	}
}
