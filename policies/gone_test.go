package main

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/policies/rule"
	"github.com/scalestack/scalestack/stack"
)

// recordUpgrade is dev in the middle of a major upgrade: two shards are gone, two are
// drained, and those of the new version have all buckets.
func recordUpgrade(t *testing.T) rule.Graph {
	t.Helper()
	values := settings(t, "dev")
	image := pulumi.String("postgres:17.5")
	body, keep := stack.Program(localImages, someCluster, func(c *stack.Config) {
		c.Postgres.Shards, c.Postgres.Drain, c.Postgres.Gone = 8, []int{0, 1, 2, 3}, []int{0, 2}
		c.Postgres.Images = map[int]pulumi.StringInput{4: image, 5: image, 6: image, 7: image}
	})
	return recordProgram(t, "dev", body, func(info *pulumi.RunInfo) { info.Config = values }, keep)
}

func TestAMajorUpgradeIsSilent(t *testing.T) {
	require.Empty(t, messages(violations("dev", recordUpgrade(t))))
}

// The policy is told what is deployed. Only what was drained there may be gone now.
func TestAShardIsGoneOnlyAfterItWasDrained(t *testing.T) {
	recorded, all := recordUpgrade(t), []any{"shard-0", "shard-1", "shard-2", "shard-3"}
	requireSays(t, mutation{policy: "shards-kept", says: "shard-7 without shard-2", config: map[string]any{
		"deployed": all, "drained": []any{"shard-0", "shard-1", "shard-3"},
	}}, "dev", recorded)
	found, err := shardsKept.Violations("dev", map[string]any{"deployed": all, "drained": all}, recorded)
	require.NoError(t, err)
	require.Empty(t, found)
}
