package stack

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/cluster"
)

// A shard is new where it cannot exist, and never because nothing is known of it.
func TestNewShardsAreThoseThatNoDeploymentMade(t *testing.T) {
	there, last := &cluster.Object{}, map[string]any{"owned": map[string]any{"shard-0": 960., "shard-1": 0.}}
	for name, test := range map[string]struct {
		found findings
		want  []int
	}{
		"a new stack":                    {want: []int{0, 1, 3}},
		"another deployment":             {found: findings{namespace: there, past: past{shards: readShards(last)}}, want: []int{3}},
		"a namespace that somebody took": {found: findings{past: past{shards: readShards(last)}}, want: []int{3}},
		"a lost state":                   {found: findings{namespace: there}},
		"a state of an early version":    {found: findings{namespace: there, past: past{shards: readShards(`{"shards": []}`)}}},
	} {
		var c Config
		c.Postgres.Shards, c.Postgres.Gone = 4, []int{2}
		require.ElementsMatch(t, test.want, c.newShardIDs(test.found), name)
	}
}
