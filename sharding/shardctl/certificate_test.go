package shardctl

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

// A shard without TLS has no series: an expiry of 0 would be one in 1970.
func TestCertificatesHaveAnExpiry(t *testing.T) {
	registry := prometheus.NewRegistry()
	newGauges(registry, 1).set([]reshard.Observation{
		{Shard: shardmap.Shard{Name: "shard-0"}, CertificateEnds: time.Unix(1_800_000_000, 0)},
		{Shard: shardmap.Shard{Name: "shard-1"}},
	}, 0, false)
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() != "scalestack_shard_certificate_expiry_timestamp_seconds" {
			continue
		}
		require.Len(t, family.GetMetric(), 1)
		require.InDelta(t, 1_800_000_000, family.GetMetric()[0].GetGauge().GetValue(), 0)
		return
	}
	t.Fatal("no family")
}
