//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is deployed is what stands in the state, seen by asking the cluster.
func TestNothingDrifted(t *testing.T) {
	pulumi(t, "preview", "--refresh", "--expect-no-changes")
}

// The script of the pull requests' comment, on a stack that has no changes.
func TestPreviewForReviewers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "dev.md")
	command(t, ".github/preview.sh", "dev", file, deployedShards(t))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, line := range []string{"### dev\n", "  shards       4\n", "no bucket moves\n", "app: 3 to 10\n", " of 140 per shard", "unchanged",
		"ok       Kubernetes 1.29 or newer\n", "ok       kafkas.kafka.strimzi.io v1beta2\n"} {
		require.Contains(t, string(text), line)
	}
	require.NotContains(t, string(text), "MISSING")
}

// deployedShards is a file with the settings that keep the deployed shards, made as the workflow makes it.
func deployedShards(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "limits.json")
	settings := command(t, ".github/kept-shards.sh", "dev")
	require.Contains(t, settings, `"shard-3"`)
	require.NoError(t, os.WriteFile(file, []byte(settings), 0o600))
	return file
}

// A preview that fails still writes the comment, with the reason, and fails.
func TestPreviewThatFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "absent.md")
	_, err := try(t, ".github/preview.sh", "absent", file, deployedShards(t))
	require.Error(t, err)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(text), "The preview failed with status")
	require.Contains(t, string(text), "no stack named 'absent' found")
}
