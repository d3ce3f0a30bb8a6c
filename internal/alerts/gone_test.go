package alerts

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// missed says which alert tells that metrics have ended, and by the end of which series it
// sees that.
var missed = []struct {
	metrics *regexp.Regexp
	alert   string
	// source is a label of MetricsGone.
	source, series string
}{
	{regexp.MustCompile(`^pg_`), "MetricsGone", "postgres-exporter", `pg_up{namespace="%s"}`},
	{regexp.MustCompile(`^redis_`), "MetricsGone", "redis-exporter", `redis_up{namespace="%s",container="redis-exporter"}`},
	{regexp.MustCompile(`^kafka_controller_`), "MetricsGone", "kafka-controllers", `kafka_controller_kafkacontroller_offlinepartitionscount{namespace="%s"}`},
	{regexp.MustCompile(`^kafka_server_`), "MetricsGone", "kafka-brokers", `kafka_server_replicamanager_underminisrpartitioncount{namespace="%s"}`},
	{regexp.MustCompile(`^kafka_(consumergroup|topic)_`), "MetricsGone", "kafka-exporter", `kafka_consumergroup_lag{namespace="%s",partition="0"}`},
	{regexp.MustCompile(`^scalestack_backup_`), "MetricsGone", "backup", `scalestack_backup_interval_seconds{namespace="%s"}`},
	{regexp.MustCompile(`^kube_`), "MetricsGone", "kube-state-metrics", `kube_statefulset_created{namespace="%s",statefulset="postgres-shard-0"}`},
	{regexp.MustCompile(`^keda_`), "MetricsGone", "keda", `keda_scaler_detail_errors_total{namespace="%s",scaledObject="email",type="scaledobject"}`},
	{regexp.MustCompile(`^kubelet_`), "MetricsGone", "kubelet", `kubelet_volume_stats_available_bytes{namespace="%s",persistentvolumeclaim="data-postgres-shard-0-0"}`},
	{regexp.MustCompile(`^scalestack_http_`), "MetricsGone", "app", `scalestack_http_requests_in_flight{namespace="%s",container="app"}`},
	{regexp.MustCompile(`^scalestack_(shard_map|db|cache|outbox|relay)_`), "MetricsGone", "relay", `scalestack_shard_map_generation{namespace="%s",container="relay"}`},
	{regexp.MustCompile(`^scalestack_consumer_`), "MetricsGone", "email", `scalestack_consumer_failures_total{namespace="%s",container="email"}`},
	// The mover is a Job that ends. Where it should be and is not, no bucket moves, which the watcher sees.
	{regexp.MustCompile(`^scalestack_(shard_([^m]|m[^a])|reshard_)`), "ShardsUnwatched", "", `scalestack_shard_up{namespace="%s"}`},
	{regexp.MustCompile(`^scalestack_edge_`), "EdgeUnwatched", "", `scalestack_edge_counted_until_timestamp_seconds{namespace="%s",path="/"}`},
}

// Every metric that a rule asks for has an alert that says when it has ended: a rule without
// series is silent.
func TestEveryMetricIsMissed(t *testing.T) {
	used, exprs := make([]bool, len(missed)), map[string]string{}
	for _, r := range all() {
		exprs[r.Name] = r.Expr
		names := metricsIn(r.Expr)
		require.NotEmpty(t, names, r.Name)
		for _, name := range names {
			var found []int
			for i, m := range missed {
				if m.metrics.MatchString(name) {
					found = append(found, i)
				}
			}
			require.Len(t, found, 1, "who says that %s of %s has ended? Give its source to MetricsGone (gone.go), and to this test", name, r.Name)
			used[found[0]] = true
		}
	}
	require.NotContains(t, used, false, "a source that no rule asks")
	for _, m := range missed {
		metric, _, _ := strings.Cut(m.series, "{")
		require.Regexp(t, `_over_time\(`+metric+`[\[{]`, exprs[m.alert], "%s does not miss it", m.alert)
		require.Contains(t, exprs[m.alert], " unless on (namespace", m.alert)
	}
}

// Each alert speaks of the namespace whose series end, not of the one that keeps them, and
// not before.
func TestAnEndOfAllSeriesIsTold(t *testing.T) {
	tool := promtool(t)
	type object = map[string]any
	var tests []object
	for _, m := range missed {
		labels := object{"severity": "warning", "namespace": "prod"}
		switch container := regexp.MustCompile(`container="(.*?)"`).FindStringSubmatch(m.series); {
		case m.alert == "EdgeUnwatched":
			labels["path"] = "/"
		case container != nil:
			labels["container"] = container[1]
		}
		if m.source != "" {
			labels["source"] = m.source
		}
		of := func(namespace, values string) object {
			return object{"series": fmt.Sprintf(m.series, namespace), "values": values}
		}
		series := []object{of("prod", "0+60x20"), of("staging", "0+60x60")}
		if m.source != "" && m.source != "kube-state-metrics" {
			series = append(series, object{"series": `kube_statefulset_created{namespace="prod",statefulset="postgres-shard-0"}`, "values": "1x60"})
		}
		tests = append(tests, object{
			"name": m.alert + " " + m.source, "interval": "1m",
			"input_series": series,
			"alert_rule_test": []object{
				{"eval_time": "20m", "alertname": m.alert, "exp_alerts": []object{}},
				{"eval_time": "40m", "alertname": m.alert, "exp_alerts": []object{{"exp_labels": labels}}},
			},
		})
	}
	text, err := yaml.Marshal(object{"rule_files": []string{"rules.yaml"}, "evaluation_interval": "1m", "tests": tests})
	require.NoError(t, err)
	testRules(t, tool, text)
}

var (
	// besides is what stands in a query beside metrics, functions and words.
	besides = regexp.MustCompile(`"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\b(by|on|ignoring|group_left|group_right) ?\([^)]*\)`)
	name    = regexp.MustCompile(`\b[a-zA-Z_:][a-zA-Z0-9_:]*\b( *\()?`)
	words   = []string{"and", "or", "unless", "offset", "bool"}
)

// metricsIn are the names of the metrics in a query. Braces do not stand in its strings.
func metricsIn(expr string) []string {
	var names []string
	for _, found := range name.FindAllString(besides.ReplaceAllString(expr, " "), -1) {
		if !strings.HasSuffix(found, "(") && !slices.Contains(words, found) {
			names = append(names, found)
		}
	}
	return names
}

func TestMetricsInAQuery(t *testing.T) {
	require.Equal(t, []string{"pg_up", "node_load1", "a_total", "b"},
		metricsIn(`pg_up{job="x_y"} == 0 unless on (namespace, a_label) 2 * node_load1 > 1e9 or sum by (le) (rate(a_total{x=~"c|d"}[5m] offset 1d)) and delta((b)[10m:1m])`))
}
