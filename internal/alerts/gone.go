package alerts

import (
	"fmt"
	"strings"
)

// A rule on a series that has ended is silent. Those below find what a namespace had within
// the last hours and has no more. No rule can tell a loss from a stack that was destroyed on
// purpose, so the runbooks say for how long that is told too.

// gone are the namespaces that have lost all series of a metric.
func gone(metric string, hours int) string {
	return fmt.Sprintf("count by (namespace) (count_over_time(%[1]s[%[2]dh])) unless on (namespace) %[1]s", metric, hours)
}

// goneOfShard are the shards that have lost the metric while others of their namespace have
// it. One that was drained is not missed: the watcher does not tell of it either.
func goneOfShard(metric string, hours int) string {
	return fmt.Sprintf("count by (namespace, shard) (count_over_time(%[1]s[%[2]dh])) unless on (namespace, shard) %[1]s"+
		" and on (namespace) %[1]s and on (namespace, shard) scalestack_shard_up", metric, hours)
}

// sources are who serves metrics beside the services, each with one that it serves as long
// as it does its work, and whether each shard has a series of it.
var sources = []struct {
	name, metric string
	ofShard      bool
}{
	{"postgres-exporter", "pg_up", true},
	{"kafka-controllers", "kafka_controller_kafkacontroller_offlinepartitionscount", false},
	{"kafka-brokers", "kafka_server_replicamanager_underminisrpartitioncount", false},
	// A day of all partitions would be much to read each time.
	{"kafka-exporter", `kafka_consumergroup_lag{partition="0"}`, false},
	{"backup", "scalestack_backup_interval_seconds", true},
	{"kube-state-metrics", shardsExist, false},
	{"keda", "keda_scaler_detail_errors_total", false},
	{"kubelet", `kubelet_volume_stats_available_bytes{persistentvolumeclaim=~"data-postgres-shard-.+"}`, false},
}

// programs are metrics of which every program of a service has one from its start: it uses
// shards, answers requests or consumes events.
var programs = []string{"scalestack_shard_map_generation", "scalestack_http_requests_in_flight", "scalestack_consumer_failures_total"}

// sourcesGone are the namespaces and sources of which all series have ended.
func sourcesGone(hours int) string {
	var parts []string
	for _, s := range sources {
		expr := gone(s.metric, hours)
		if s.ofShard {
			expr += " or " + goneOfShard(s.metric, hours)
		}
		parts = append(parts, labelled(expr, fmt.Sprintf(`"source", %q, "", ""`, s.name)))
	}
	return strings.Join(append(parts, labelled(cachesGone(hours), bySource), labelled(programsGone(hours), bySource)), " or ")
}

// bySource calls a source by its container.
const bySource = `"source", "$1", "container", "(.+)"`

// cachesGone are the exporters of the cache's servers, of which each has one. They count where
// they are to have no pods, too: nobody else tells of that.
func cachesGone(hours int) string {
	return fmt.Sprintf("count by (namespace, container) (count_over_time(redis_up[%dh])) unless on (namespace, container) redis_up", hours)
}

// programsGone leaves out Deployments that are to have no pods: ServiceHasNoPods tells which
// of them should.
func programsGone(hours int) string {
	var had []string
	for _, metric := range programs {
		had = append(had, fmt.Sprintf("count_over_time(%s[%dh])", metric, hours))
	}
	return "count by (namespace, container) (" + strings.Join(had, " or ") + ")" +
		" unless on (namespace, container) (" + strings.Join(programs, " or ") + ")" +
		" unless on (namespace, container) " + labelled("kube_deployment_spec_replicas == 0", `"container", "$1", "deployment", "(.+)"`)
}

func labelled(expr, how string) string { return "label_replace(" + expr + ", " + how + ")" }

func metricsGone(o Options) Rule {
	return Rule{
		Name: "MetricsGone", Severity: Warning, For: "10m",
		Expr:    sourcesGone(o.GoneHours),
		Summary: "{{ $labels.source }} tells nothing any more{{ with $labels.shard }} of {{ . }}{{ end }}",
		Description: "It does not run, or is not scraped, and no alert on its metrics can fire. The runbook says which those are. A stack that was destroyed " +
			fmt.Sprintf("on purpose is missed for %d hours.", o.GoneHours),
	}
}
