package main

import (
	"slices"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/policies/rule"
	"github.com/scalestack/scalestack/stack"
)

// recordMembers is dev with three members in each shard.
func recordMembers(t *testing.T, change func(*stack.Config)) rule.Graph {
	t.Helper()
	values := settings(t, "dev")
	body, keep := stack.Program(localImages, someCluster, func(c *stack.Config) {
		c.Postgres.Members, c.Postgres.Image = 3, pulumi.String("scalestack/postgres:16.2-patroni-4.1.5-barman-3.19.1")
		c.Postgres.Resources.Memory = "640Mi"
		change(c)
	})
	return recordProgram(t, "dev", body, func(info *pulumi.RunInfo) { info.Config = values }, keep)
}

func TestMembersAreSilent(t *testing.T) {
	require.Empty(t, messages(violations("dev", recordMembers(t, func(*stack.Config) {}))))
	require.Empty(t, messages(violations("dev", recordMembers(t, func(c *stack.Config) {
		c.Postgres.RequireSpread, c.Postgres.Rollout = true, postgres.RolloutSerial
	}))))
}

func TestMemberMutations(t *testing.T) {
	recorded := recordMembers(t, func(*stack.Config) {})
	for name, m := range map[string]mutation{
		"a primary's Service of no shard": {policy: "shard-map", says: "shard-1 at postgres-shard-1.scalestack.svc.cluster.local, where no StatefulSet is", edits: edits(
			set("Service postgres-shard-1", `metadata.labels["app.kubernetes.io/instance"]`, "other"))},
		"a member without a budget": {policy: "selector-matches", says: "PodDisruptionBudget scalestack/postgres-shard-2", edits: edits(
			set("PodDisruptionBudget postgres-shard-2", `spec.selector.matchLabels["app.kubernetes.io/instance"]`, "other"))},
		"a token for nobody": {policy: "token-used", says: "automountServiceAccountToken", edits: edits(without("RoleBinding postgres-shard-0"))},
		"standbys that do not exist": {policy: "selector-matches", says: "Service scalestack/postgres-shard-0-replicas", edits: edits(
			set("Service postgres-shard-0-replicas", `spec.selector["scalestack/role"]`, "standby"))},
	} {
		t.Run(name, func(t *testing.T) {
			graph := slices.Clone(recorded)
			for _, change := range m.edits {
				graph = change(t, graph)
			}
			requireSays(t, m, "dev", graph)
		})
	}
}
