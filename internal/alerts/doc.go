// Package alerts has the alerts of the stack as Prometheus rules. Each has a runbook in
// docs/runbooks, says whom it hurts and which setting to change, and is tested
// with promtool: it fires when it should, and not on a healthy product.
//
// The metrics are those of the stack's own programs (scalestack_…), of Strimzi's
// exporters (kafka_…), and of what every cluster with Prometheus has: the kubelet's volumes
// (kubelet_volume_stats_…) and kube-state-metrics (kube_…).
package alerts
