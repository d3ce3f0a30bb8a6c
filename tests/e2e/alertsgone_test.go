//go:build e2e

package e2e

import (
	"testing"
	"time"
)

// TestMetricsThatEndAreMissed takes all pods of sources of metrics away, one after the
// other: the alerts on those metrics would be silent.
func TestMetricsThatEndAreMissed(t *testing.T) {
	ns := outputs(t).Namespace
	for _, source := range []struct {
		deployment, alert string
		labels            map[string]string
	}{
		{"redis-exporter", "MetricsGone", map[string]string{"source": "redis-exporter"}},
		{"shardctl", "ShardsUnwatched", nil},
	} {
		awaitAlert(t, 2*time.Minute, false, ns, source.alert, source.labels)
		scale := func(replicas string) {
			kubectl(t, "scale", "deployment", source.deployment, "-n", ns, "--replicas="+replicas)
		}
		t.Cleanup(func() { scale("1") })
		scale("0")
		awaitAlert(t, 3*time.Minute, true, ns, source.alert, source.labels)
		scale("1")
		awaitAlert(t, 3*time.Minute, false, ns, source.alert, source.labels)
	}
}
