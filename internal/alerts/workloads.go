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
			Expr:    active + " == 0 unless on (namespace, horizontalpodautoscaler) " + asleep,
			Summary: "{{ $labels.horizontalpodautoscaler }} does not scale",
			Description: "More load brings no more pods. The condition ScalingActive of the HorizontalPodAutoscaler says why: it gets none of its metrics, or somebody " +
				"has scaled the Deployment to 0.",
		},
		{
			// For an hour after it began: KEDA counts no failure of what has its fallback.
			Name: "TriggerFails", Severity: Warning, For: "0m",
			Expr:    `sum by (namespace, scaledObject, scaler) (increase(keda_scaler_detail_errors_total{type="scaledobject"}[1h])) > 2`,
			Summary: "KEDA cannot read {{ $labels.scaler }} of {{ $labels.scaledObject }}",
			Description: "What this trigger measures brings no pods: the service scales by CPU, beside its fallback, and its autoscaler is active all the same. The " +
				"ScaledObject's condition Fallback tells whether that still holds, and KEDA's log says why.",
		},
	}
}
