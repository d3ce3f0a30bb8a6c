// Package capacity computes what a number of users takes: shards, connections, pods,
// hours to re-shard, and which limit is reached first. It combines arithmetic on
// measured constants with a simulation of how evenly users of unequal activity spread
// over buckets and shards.
//
// A Workload describes what the users do, Constants what one part can bear, and Plan
// combines both. Each default of Constants names the command that measured it, or says
// that it is an assumption.
package capacity
