// Package shardmap decides which shard owns which user.
//
// A user id falls into one of a fixed number of buckets, and a [Map] assigns
// every bucket to a shard:
//
//	shard := m.ShardOf(userID) // bucket = ((userID % B) + B) % B
//
// The package has no I/O and no state. [Decode] reads a map as the stack wrote
// it and refuses anything that is not exactly right, since a wrong route loses
// a write; after that a lookup cannot fail and does not allocate.
package shardmap
