package alerts

import (
	"fmt"
	"regexp"
)

// What kube-state-metrics tells of the stack's own Deployments and autoscalers. Two of it
// may answer while one replaces the other.
const (
	// shardsExist are the StatefulSets of the shards, which every stack has and nobody else.
	shardsExist = `kube_statefulset_created{statefulset=~"postgres-shard-.+"}`

	available = "kube_deployment_status_replicas_available > 0"
	// wantsPods leaves the exporters out, without which nobody is hurt: MetricsGone tells of them.
	wantsPods = `max by (namespace, deployment) (kube_deployment_spec_replicas{deployment!~"(postgres|redis(-[0-9]+)?|kafka-kafka)-exporter"}) > 0`
	// mustHavePods are Deployments with an autoscaler of their own, which leaves one that was
	// set to no pods alone. KEDA's, which takes pods away by itself, is keda-hpa-<name>.
	mustHavePods = "max by (namespace, deployment) (label_replace(" +
		`kube_horizontalpodautoscaler_info{scaletargetref_kind="Deployment",horizontalpodautoscaler!~"keda-hpa-.+"}` +
		" and on (namespace, horizontalpodautoscaler) " + least + " > 0" +
		`, "deployment", "$1", "scaletargetref_name", "(.+)"))`

	active = `max by (namespace, horizontalpodautoscaler) (kube_horizontalpodautoscaler_status_condition{condition="ScalingActive",status="true"})`
	// unread are the autoscalers that do not get one of their metrics. Their status leaves it out.
	unread = "max by (namespace, horizontalpodautoscaler) (kube_horizontalpodautoscaler_spec_target_metric" +
		" unless on (namespace, horizontalpodautoscaler, metric_name) kube_horizontalpodautoscaler_status_target_metric)"
	// misread are the triggers that KEDA could not read three times or more; it then counts no
	// more of what has its fallback. unbuilt are ScaledObjects of which it can build no trigger:
	// of Kafka it does that anew after each failure, and there is no fallback without.
	misread = `sum by (namespace, scaledObject, scaler) (increase(keda_scaler_detail_errors_total{type="scaledobject"}[1h])) > 2`
	unbuilt = "sum by (namespace, scaledObject) (increase(keda_scaled_object_errors_total[1h])) > 10"
	// asleep are the autoscalers of what KEDA has taken all pods of.
	asleep = `label_replace(kube_deployment_spec_replicas == 0, "horizontalpodautoscaler", "keda-hpa-$1", "deployment", "(.+)")`
)

// others are metrics that programs of others in the cluster have too.
var others = regexp.MustCompile(`\b(kube|kubelet|keda|kafka|redis|pg)_`)

// ofStacks keeps the rules on such metrics to the namespaces that have, or had, shards of a
// stack: a foreign Redis, or the volume of somebody's search, is no matter of the stack's. Two
// say so, of which one may be away.
func ofStacks(rules []Rule, hours int) []Rule {
	for i, r := range rules {
		if others.MatchString(r.Expr) {
			rules[i].Expr = fmt.Sprintf("(%s) and on (namespace) (last_over_time(scalestack_shard_up[%[2]dh]) or last_over_time(%[3]s[%[2]dh]))", r.Expr, hours, shardsExist)
		}
	}
	return rules
}

func workloads() []Rule {
	return []Rule{
		{
			Name: "VolumeClaimDeleted", Severity: Critical, For: "1m",
			Expr:    `max by (namespace, persistentvolumeclaim) (kube_persistentvolumeclaim_deletion_timestamp{persistentvolumeclaim=~"data-.+"}) > 0`,
			Summary: "{{ $labels.persistentvolumeclaim }} was deleted and goes with its pod",
			Description: "Nothing shows yet: the claim is Bound until its pod ends, by a drain, a crash of the node or a deployment. Then the volume goes with all " +
				"that it holds, if its reclaim policy is Delete. End no pod; the first command of the runbook keeps the volume.",
		},
		{
			Name: "ServiceHasNoPods", Severity: Critical, For: "5m",
			Expr:    "(" + wantsPods + " or " + mustHavePods + ") unless on (namespace, deployment) " + available,
			Summary: "No pod of {{ $labels.deployment }} is available",
			Description: "Without a pod there are no requests, so no other alert on them fires. The pods cannot be pulled, placed or started, or somebody " +
				"has scaled the Deployment to 0, which neither its autoscaler nor `pulumi up` changes.",
		},
		{
			Name: "AutoscalerInactive", Severity: Warning, For: "15m",
			// One that gets another metric is active, as long as that one asks for no fewer pods.
			Expr:    "(" + active + " == 0 or " + unread + ") unless on (namespace, horizontalpodautoscaler) " + asleep,
			Summary: "{{ $labels.horizontalpodautoscaler }} does not scale, or not by all of its metrics",
			Description: "More load may bring no more pods. The conditions and events of the HorizontalPodAutoscaler say why: it does not get its metrics, or somebody " +
				"has scaled the Deployment to 0.",
		},
		{
			// The first part holds for an hour after it began, the second one as long as it lasts.
			Name: "TriggerFails", Severity: Warning, For: "0m",
			Expr:    misread + " or " + unbuilt + " unless on (namespace, scaledObject) " + misread,
			Summary: "KEDA cannot read {{ or $labels.scaler \"any trigger\" }} of {{ $labels.scaledObject }}",
			Description: "What this trigger measures brings no pods: the service scales by CPU, beside its fallback, and its autoscaler is active all the same. The " +
				"ScaledObject's condition Fallback tells whether that still holds, and KEDA's log says why.",
		},
	}
}
