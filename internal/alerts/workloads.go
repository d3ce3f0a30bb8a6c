package alerts

// What kube-state-metrics tells of the stack's own Deployments and autoscalers. Two of it
// may answer while one replaces the other.
const (
	// shardsExist are the StatefulSets of the shards, which every stack has and nobody else.
	shardsExist = `kube_statefulset_created{statefulset=~"postgres-shard-.+"}`
	inAStack    = " and on (namespace) " + shardsExist

	available = "kube_deployment_status_replicas_available > 0"
	// wantsPods leaves the exporters out, without which nobody is hurt: MetricsGone tells of them.
	wantsPods = `max by (namespace, deployment) (kube_deployment_spec_replicas{deployment!~"(postgres|redis|kafka-kafka)-exporter"}) > 0`
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

func workloads() []Rule {
	return []Rule{
		{
			Name: "VolumeClaimDeleted", Severity: Critical, For: "1m",
			Expr:    `max by (namespace, persistentvolumeclaim) (kube_persistentvolumeclaim_deletion_timestamp{persistentvolumeclaim=~"data-.+"}) > 0` + inAStack,
			Summary: "{{ $labels.persistentvolumeclaim }} was deleted and goes with its pod",
			Description: "Nothing shows yet: the claim is Bound until its pod ends, by a drain, a crash of the node or a deployment. Then the volume goes with all " +
				"that it holds, if its reclaim policy is Delete. End no pod; the first command of the runbook keeps the volume.",
		},
		{
			Name: "ServiceHasNoPods", Severity: Critical, For: "5m",
			Expr:    "(" + wantsPods + " or " + mustHavePods + ") unless on (namespace, deployment) " + available + inAStack,
			Summary: "No pod of {{ $labels.deployment }} is available",
			Description: "Without a pod there are no requests, so no other alert on them fires. The pods cannot be pulled, placed or started, or somebody " +
				"has scaled the Deployment to 0, which neither its autoscaler nor `pulumi up` changes.",
		},
		{
			Name: "AutoscalerInactive", Severity: Warning, For: "15m",
			Expr:    active + " == 0 unless on (namespace, horizontalpodautoscaler) " + asleep + inAStack,
			Summary: "{{ $labels.horizontalpodautoscaler }} does not scale",
			Description: "More load brings no more pods. The condition ScalingActive of the HorizontalPodAutoscaler says why: it gets none of its metrics, or somebody " +
				"has scaled the Deployment to 0.",
		},
	}
}
