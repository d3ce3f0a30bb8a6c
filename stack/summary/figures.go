// Package summary describes in a few lines what a deployment would change for the
// people who run the product: shards and buckets, replicas, disk, connections, cache
// rules. It reads the output of `pulumi preview --json --show-sames`, so it works with
// any stack, deployed or not. Only the amount of data that would move is asked of the
// running shards, and failing to get it is no error. The package imports no Pulumi SDK,
// so it builds in seconds.
package summary

import (
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/scalestack/scalestack/sharding/shardmap"
)

// Figures are what a person wants to know about one state of the stack. They are empty
// for a stack that was never deployed.
type Figures struct {
	// ShardMap is the map in use; nil before the first deployment.
	ShardMap *shardmap.Map
	// Namespace of the shard map, and therefore of the stack.
	Namespace string
	// Context is the kubectl context of the stack's cluster; empty for the current one.
	Context string
	// Replicas are the autoscalers' bounds, by name.
	Replicas map[string]Bounds
	// Disks are the sizes of all volumes, by owner.
	Disks map[string]resource.Quantity
	// Volume is the size of each shard's volume, or the smallest if they differ.
	Volume resource.Quantity
	// Connections is the budget of each shard.
	Connections Connections
	// Rules are the cache rules in order: the last match wins.
	Rules []Rule
}

// Bounds of an autoscaler, in pods.
type Bounds struct{ Min, Max int }

// Connections is the budget of each shard.
type Connections struct {
	// Need is how many connections all pods together may open to each shard.
	Need int
	// Pods is the most pods at one time, including those of a rollout.
	Pods int
	// Limit is max_connections of the shard with the lowest limit.
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
	// EdgeTTL and BrowserTTL are in seconds; 0 respects the origin.
	EdgeTTL, BrowserTTL int
}
