package stack

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/cluster"
)

// A shard is new where it cannot exist, and never because nothing is known of it.
func TestNewShardsAreThoseThatNoDeploymentMade(t *testing.T) {
	there, last := &cluster.Object{}, past{shards: []string{"shard-0", "shard-1"}}
	for name, test := range map[string]struct {
		found findings
		want  []int
	}{
		"a new stack":                    {want: []int{0, 1, 3}},
		"another deployment":             {found: findings{namespace: there, past: last}, want: []int{3}},
		"a namespace that somebody took": {found: findings{past: last}, want: []int{3}},
		"a lost state":                   {found: findings{namespace: there}},
	} {
		var c Config
		c.Postgres.Shards, c.Postgres.Gone = 4, []int{2}
		require.ElementsMatch(t, test.want, c.newShardIDs(test.found), name)
	}
}

// A refresh with the program writes the outputs of the configuration that comes.
func TestARefreshMakesNoShard(t *testing.T) {
	e := &engine{
		outputs: resource.NewPropertyMapFromMap(map[string]any{"namespace": "scalestack", "shardMap": map[string]any{
			"cluster": "a", "buckets": 960.0, "initialShards": 1.0, "owned": map[string]any{"shard-0": 480.0, "shard-1": 480.0},
		}}),
		resources: resource.NewPropertyMapFromMap(map[string]any{"urn:s": map[string]any{
			"type": "kubernetes:apps/v1:StatefulSet", "outputs": map[string]any{"metadata": map[string]any{"name": "postgres-shard-0"}},
		}}),
	}
	require.NoError(t, pulumi.RunErr(func(ctx *pulumi.Context) error {
		found, err := readPast(ctx)
		require.Equal(t, []string{"shard-0"}, found.shards)
		return err
	}, pulumi.WithMocks(project, "prod", e)))
}
