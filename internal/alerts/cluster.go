package alerts

const (
	replicas = "kube_horizontalpodautoscaler_status_current_replicas"
	most     = "kube_horizontalpodautoscaler_spec_max_replicas"
	least    = "kube_horizontalpodautoscaler_spec_min_replicas"
)

func cluster(o Options) []Rule {
	return append(workloads(), []Rule{
		{
			Name: "AutoscalerAtMaximum", Severity: Warning, For: "15m",
			Expr:    replicas + " >= " + most + " and " + most + " > " + least,
			Summary: "{{ $labels.horizontalpodautoscaler }} runs its maximum of {{ $value }} pods",
			Description: "More load finds no more pods. Raise services.<name>.replicas.max (keda-hpa-<name> is that of a service with triggers); if the preview " +
				"refuses it, the shards' connections are the limit: raise postgres.maxConnections with it, or lower uses.shards.pool.",
		},
		{
			Name: "ProgramRestarts", Severity: Warning, For: "0m",
			Expr:        `increase(kube_pod_container_status_restarts_total{container!=""}[30m]) > 3`,
			Summary:     "{{ $labels.container }} in {{ $labels.pod }} restarts again and again",
			Description: "`kubectl logs --previous` and the container's last state say why; OOMKilled asks for resources.memory.",
		},
		metricsGone(o),
	}...)
}
