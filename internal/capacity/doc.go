// Package capacity says what a number of users takes: shards, connections, pods, hours to
// re-shard, and which limit is met first. It is arithmetic on measured constants, and a
// simulation of how evenly users of unequal activity fall on buckets and shards.
//
// A Workload is what the users do, Constants are what one part bears, and Plan puts both
// together. Each default of Constants names the command that measured it or says that it
// is an assumption.
package capacity
