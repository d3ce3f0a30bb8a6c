package tests

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// A rotation of the passwords changes no pod of a shard or of a service, and puts no password where it can be read.
func TestARotationRestartsNobody(t *testing.T) {
	before := deployed(t, "dev")
	for rotation := 1; rotation < 4; rotation++ {
		g, err := run(t, "dev", withShards(t, "dev", map[string]any{"passwordRotation": rotation}))
		require.NoError(t, err)
		require.NotContains(t, g.text(t), password)
		for _, kind := range []string{statefulSet, deployment} {
			for i, node := range g.find(kind) {
				if node.Name != "postgres-exporter" {
					require.Equal(t, before.find(kind)[i].Inputs, node.Inputs, node.Name)
				}
			}
		}
		have := map[string]bool{}
		for _, node := range g.find("random:index/randomPassword:RandomPassword") {
			have[node.Name] = true
		}
		for _, role := range []string{"admin", "app"} {
			require.True(t, have["postgres-shard-0-"+role+"-password"], "the first one")
			for kept := range 5 {
				require.Equal(t, kept > 0 && kept <= rotation && kept >= rotation-1, have[fmt.Sprintf("postgres-shard-0-%s-password-%d", role, kept)], "rotation %d of %d", kept, rotation)
			}
		}
		after := jobsOf(t, "dev", map[string]any{"passwordRotation": rotation})
		require.NotEqual(t, jobsOf(t, "dev", nil)["shards-migrate"], after["shards-migrate"])
	}
}
