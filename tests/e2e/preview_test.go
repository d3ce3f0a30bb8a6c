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
	command(t, ".github/preview.sh", "dev", file)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, line := range []string{"### dev\n", "  shards       4\n", "no bucket moves\n", "app: 3 to 10\n", "119 of 140 per shard", "unchanged"} {
		require.Contains(t, string(text), line)
	}
}

// A preview that fails still writes the comment, with the reason, and fails.
func TestPreviewThatFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "absent.md")
	_, err := try(t, ".github/preview.sh", "absent", file)
	require.Error(t, err)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(text), "The preview failed with status")
	require.Contains(t, string(text), "no stack named 'absent' found")
}
