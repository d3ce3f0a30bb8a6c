// Package shardmap decides which shard owns which user.
//
// A user id falls into one of a fixed number of buckets, and a [Map] assigns every
// bucket to a shard:
//
//	shard := m.ShardOf(userID) // bucket = ((userID % B) + B) % B
//
// [Spec] is what a person configures, [Desired] the assignment that follows from it,
// and [NewPlan] the moves from one map to another.
//
// The package has no I/O and no state. [Decode] reads a map as the stack wrote it and
// refuses anything that is not exactly right, because a wrong route loses a write.
// After that a lookup cannot fail and does not allocate.
package shardmap
