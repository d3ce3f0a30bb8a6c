// Package summary says in a few lines what a deployment would change for the
// people who run the product: shards and buckets, replicas, disk, connections,
// cache rules. It reads what `pulumi preview --json --show-sames` prints, so
// that it works with any stack, deployed or not. Only how much data would move
// is asked of the running shards, and not being able to is no error. It imports no Pulumi SDK, which keeps its build to seconds.
package summary

import (
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/scalestack/scalestack/sharding/shardmap"
)

// Figures are what a person wants to know about one state of the stack. Those
// of a stack that was never deployed are empty.
type Figures struct {
	// ShardMap is the map in use; nil before the first deployment.
	ShardMap *shardmap.Map
	// Namespace of the shard map, and so of the stack.
	Namespace string
	// Context is kubectl's for the stack's cluster; empty for the current one.
	Context string
	// Replicas are the autoscalers' bounds, by name.
	Replicas map[string]Bounds
	// Disks are the sizes of all volumes, by whose they are.
	Disks map[string]resource.Quantity
	// Volume is the size of each shard's volume, of the smallest if they differ.
	Volume resource.Quantity
	// Connections is what all programs may ask of each shard.
	Connections Connections
	// Rules are the cache rules in their order: the last match wins.
	Rules []Rule
}

// Bounds of an autoscaler, in pods.
type Bounds struct{ Min, Max int }

// Connections is the budget of each shard.
type Connections struct {
	// Need is what all pods together may open to each shard.
	Need int
	// Pods is the most pods at one time, those of a rollout included.
	Pods int
	// Limit is max_connections of the shard that allows the fewest.
	Limit int
}

// Rule is one cache rule.
type Rule struct {
	// Ref is the rule's identity.
	Ref string
	// Expression says which requests it matches.
	Expression string
	// Cache says whether it caches or bypasses the cache.
	Cache bool
	// Disabled rules have no effect.
	Disabled bool
	// EdgeTTL and BrowserTTL are seconds; 0 is what the origin says.
	EdgeTTL, BrowserTTL int
}
