//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// preview runs the real engine with the policy pack and the given limits.
func preview(t *testing.T, limits map[string]any) (string, error) {
	t.Helper()
	text, err := json.Marshal(limits)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "limits.json")
	require.NoError(t, os.WriteFile(file, text, 0o644))
	return try(t, "pulumi", "preview", "--stack", "dev", "--non-interactive", "--color", "never",
		"--policy-pack", "policies", "--policy-pack-config", file)
}

func TestDeployedStackPassesThePolicies(t *testing.T) {
	text, err := preview(t, map[string]any{})
	require.NoError(t, err, text)
	require.Contains(t, text, "✅ scalestack@v1.0.0 (local: policies)")
}

// The limits stand in for a broken program: the stack itself is not touched.
func TestViolationEndsThePreview(t *testing.T) {
	text, err := preview(t, map[string]any{
		"autoscaler-minimum": map[string]any{"minimum": 99},
		"shards-kept":        map[string]any{"deployed": []string{"shard-0", "shard-99"}},
	})
	require.Error(t, err)
	require.Contains(t, text, "❌ scalestack@v1.0.0 (local: policies)")
	require.Contains(t, text, "HorizontalPodAutoscaler scalestack/app: spec.minReplicas is 3, allowed: at least 99. "+
		"Fix: raise replicas.min of the service.")
	require.Contains(t, text, "without shard-99, allowed: every shard that is deployed and not drained.")
}
