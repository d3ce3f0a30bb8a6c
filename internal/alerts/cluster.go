package alerts

import "fmt"

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
			// Some within half an hour, or one every hour: a program that is killed only when it is warm.
			Expr:        restarts("30m") + " > 3 or " + restarts("6h") + " > 5 and " + restarts("2h") + " > 0",
			Summary:     "{{ $labels.container }} in {{ $labels.pod }} restarts again and again",
			Description: "`kubectl logs --previous` and the container's last state say why; OOMKilled asks for resources.memory.",
		},
		{
			Name: "VolumeFillsUp", Severity: Critical, For: "30m",
			Expr: fmt.Sprintf(`predict_linear(kubelet_volume_stats_available_bytes{persistentvolumeclaim=~"data-.*"}[6h], %d * 3600) < 0`, o.DiskHours) +
				" and kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes < 0.5",
			Summary: fmt.Sprintf("Volume {{ $labels.persistentvolumeclaim }} is full within %d hours", o.DiskHours),
			Description: "A shard without room stops. Raise storage.size of the part that the claim belongs to: volumes grow while in use. Look for " +
				"what grows: a replication slot, dead rows, a move.",
		},
		{
			// One that is full no longer fills up.
			Name: "VolumeFull", Severity: Critical, For: "1m",
			Expr:    `kubelet_volume_stats_available_bytes{persistentvolumeclaim=~"data-.*"} / kubelet_volume_stats_capacity_bytes < 0.03`,
			Summary: "{{ $value | humanizePercentage }} of volume {{ $labels.persistentvolumeclaim }} is free",
			Description: "A shard on a full volume refuses writes, and stops when its log needs another file. Raise storage.size of the part that the " +
				"claim belongs to and deploy: it comes back by itself, with all that was acknowledged.",
		},
		metricsGone(o),
	}...)
}

// restarts of each container, also of those that prepare a pod.
func restarts(within string) string {
	return fmt.Sprintf(`(increase(kube_pod_container_status_restarts_total{container!=""}[%[1]s])`+
		` or increase(kube_pod_init_container_status_restarts_total[%[1]s]))`, within)
}
