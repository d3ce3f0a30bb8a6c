package reshard_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/stretchr/testify/require"
)

// A move after one that was slowed down begins slowly, and says so to everybody.
func TestASlowMoveSaysSo(t *testing.T) {
	c := startCluster(t, 3, 4_000)
	operator := reshard.New(c.options(c.desired(3)))
	o := c.options(c.desired(3))
	registry := prometheus.NewRegistry()
	o.Metrics, o.Batch = registry, buckets
	m := reshard.New(o)
	m.Slow()
	ended := make(chan error, 1)
	go func() { ended <- m.Run(t.Context()) }()
	require.Eventually(t, func() bool {
		now, err := operator.Look(t.Context())
		require.NoError(t, err)
		return len(now.Moves) == 1 && strings.Contains(now.String(), "is prepared, held back: shard-0 12 % (commits ") && strings.Contains(now.String(), ", shard-2 12 % (")
	}, 20*time.Second, 20*time.Millisecond, "the copy is not held back")
	require.NoError(t, <-ended)
	require.Equal(t, o.Map.Assignment, c.owners())
	require.Positive(t, gauge(t, registry, "scalestack_reshard_rested_seconds_total"))
	require.Positive(t, gauge(t, registry, "scalestack_reshard_compared_users_total"))
	require.Positive(t, gauge(t, registry, "scalestack_reshard_swept_pages_total"))
	require.GreaterOrEqual(t, gauge(t, registry, "scalestack_reshard_share"), reshard.LeastShare)
	require.Positive(t, gauge(t, registry, "scalestack_reshard_commit_seconds"))
	c.requireClean()
}

// gauge is the first value of a metric.
func gauge(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()[0].GetGauge().GetValue() + family.GetMetric()[0].GetCounter().GetValue()
		}
	}
	require.Fail(t, "no such metric", name)
	return 0
}
