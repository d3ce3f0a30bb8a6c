package identity

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCompareNamesEveryDifference(t *testing.T) {
	want := Identity{Cluster: "prod", ShardID: 1, Buckets: 960, InitialShards: 4}
	require.NoError(t, want.compare("shard-1", want))

	err := want.compare("shard-1", Identity{Cluster: "staging", ShardID: 2, Buckets: 480, InitialShards: 2})
	require.EqualError(t, err, "shard-1: the shard map does not describe this database: "+
		"the cluster is staging there and prod in the map; "+
		"the shard id is 2 there and 1 in the map; "+
		"the number of buckets is 480 there and 960 in the map; "+
		"the number of initial shards is 2 there and 4 in the map")
}
