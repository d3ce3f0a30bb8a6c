package redis

import (
	"context"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
	"github.com/scalestack/scalestack/components/k8s"
)

func TestTheExporterIsAPodOfItsOwn(t *testing.T) {
	scraper := k8s.Peer{Pods: pulumi.StringMap{"app": pulumi.String("prometheus")}}
	without, record := run(t, &Args{}), run(t, &Args{Exporter: &Exporter{MetricsFrom: []k8s.Peer{scraper}}})
	require.Subset(t, record.Names(), without.Names())
	require.Subset(t, record.Names(), []string{
		"Deployment redis-exporter", "NetworkPolicy redis-exporter", "Secret redis-exporter", "ServiceAccount redis-exporter",
	})
	require.Len(t, record.Names(), len(without.Names())+4)
	record.RequireParented(t, "redis")
	record.RequireNoPlainSecret(t, kubetest.Password)
	text := func(name, path string) string { return kubetest.Text(record.Get(t, "NetworkPolicy", name), path) }
	require.Equal(t, "prometheus", text("redis-exporter", "spec.ingress[0].from[0].podSelector.matchLabels.app"))
	require.Empty(t, text("redis-exporter", "spec.ingress[1]"))
	require.Equal(t, "redis", text("redis-exporter", `spec.egress[1].to[0].podSelector.matchLabels["app.kubernetes.io/name"]`))
	require.Equal(t, "redis-exporter", text("redis", `spec.ingress[0].from[0].podSelector.matchLabels["app.kubernetes.io/name"]`))
	require.NotContains(t, kubetest.Text(without.Get(t, "Secret", "redis-acl"), "stringData[\"users.acl\"]"), MonitorUser)
}

// The exporter's user reads figures, and neither keys nor what is asked for them.
func TestTheMonitorReadsStatisticsAlone(t *testing.T) {
	ctx := context.Background()
	address := startServer(t, "secret", monitorLine("figures"))
	monitor := client(t, address, MonitorUser, "figures")
	require.Contains(t, monitor.Info(ctx).Val(), "used_memory:")
	require.NoError(t, monitor.Do(ctx, "LATENCY", "LATEST").Err())
	require.NoError(t, monitor.Do(ctx, "SLOWLOG", "LEN").Err())
	for _, command := range [][]any{
		{"GET", "user_profile:1"}, {"SET", "user_profile:1", "x"}, {"SCAN", "0"}, {"SLOWLOG", "GET"}, {"CONFIG", "GET", "*"},
		{"ACL", "LIST"}, {"CLIENT", "LIST"}, {"MONITOR"}, {"FLUSHALL"},
	} {
		require.ErrorContains(t, monitor.Do(ctx, command...).Err(), "NOPERM", command)
	}
}
