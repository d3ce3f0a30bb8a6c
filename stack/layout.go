package stack

import (
	"fmt"

	"github.com/scalestack/scalestack/sharding/shardmap"
)

// Fields of the output shardMap that the next deployment reads.
const (
	mapCluster       = "cluster"
	mapBuckets       = "buckets"
	mapInitialShards = "initialShards"
)

// layout is the part of the shard map that never changes once data exists.
type layout struct {
	cluster                string
	buckets, initialShards int
}

// readLayout reads the output shardMap, which was the whole map as JSON up to version
// 0.1. A stack that was never deployed has none.
func readLayout(output any) (*layout, error) {
	switch stored := output.(type) {
	case nil:
		return nil, nil
	case string:
		m, err := shardmap.Decode([]byte(stored))
		if err != nil {
			return nil, err
		}
		return &layout{m.Cluster, m.Buckets, m.InitialShards}, nil
	case map[string]any:
		l := &layout{text(stored, mapCluster), number(stored, mapBuckets), number(stored, mapInitialShards)}
		if l.cluster == "" || l.buckets < 1 || l.initialShards < 1 {
			return nil, fmt.Errorf("%v does not name a cluster, its buckets and its initial shards", stored)
		}
		return l, nil
	}
	return nil, fmt.Errorf("%v is not an object", output)
}

// number returns 0 if the value is no integer. The engine passes every number as a
// float.
func number(of map[string]any, key string) int {
	value, _ := of[key].(float64)
	if whole := int(value); float64(whole) == value {
		return whole
	}
	return 0
}
