// Package alerts defines the stack's alerts as Prometheus rules. Each alert has a
// runbook in docs/runbooks, says whom it affects and which setting to change, and is
// tested with promtool: it fires when it should, and not on a healthy product.
//
// The metrics come from the stack's own programs (scalestack_…), from Strimzi's
// exporters (kafka_…), and from what every cluster with Prometheus has: the kubelet's
// volumes (kubelet_volume_stats_…) and kube-state-metrics (kube_…).
package alerts
