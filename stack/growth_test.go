package stack

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVolumesThatHaveNotGrownYet(t *testing.T) {
	claim := func(name, asked, has string) map[string]any {
		made := map[string]any{
			"metadata": map[string]any{"name": name},
			"spec":     map[string]any{"resources": map[string]any{"requests": map[string]any{"storage": asked}}},
		}
		if has != "" {
			made["status"] = map[string]any{"capacity": map[string]any{"storage": has}}
		}
		return made
	}
	c, err := load(t, map[string]string{"scalestack:postgres": `{"storage":{"size":"20Gi"}}`})
	require.NoError(t, err)
	require.Equal(t, []string{
		"data-0-kafka-brokers-0: 5Gi of 9Gi", "data-postgres-shard-0-0: 10Gi of 20Gi", "data-postgres-shard-1-0: 10Gi of 30Gi",
	}, c.growing([]map[string]any{
		claim("data-postgres-shard-1-0", "30Gi", "10Gi"), // of a former run
		claim("data-postgres-shard-0-0", "10Gi", "10Gi"), // this run's
		claim("data-postgres-shard-2-0", "20Gi", "20480Mi"),
		claim("data-postgres-shard-3-0", "20Gi", ""), // not bound yet
		claim("data-0-kafka-brokers-0", "9Gi", "5Gi"),
		claim("data-0-kafka-brokers-1", "9Gi", "9Gi"),
		claim("data-search-0", "9Gi", "5Gi"),
		{},
	}))
}
