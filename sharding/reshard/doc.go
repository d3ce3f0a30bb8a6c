// Package reshard moves buckets of users from shard to shard while they are read and
// written, by PostgreSQL's own logical replication. docs/resharding-design.md explains the
// algorithm.
//
// Three rules keep it correct, no matter which program is killed and when:
//
// A shard is changed only through the session that holds the shard's advisory lock, so
// a mover that has lost its lock can no longer change anything.
//
// A move's row and the fence of its buckets are in one database, the source's, and
// change in one transaction. The moment in which the source writes "handed over"
// decides the move: before it the source can take everything back, after it the target
// will own the buckets.
//
// Every step finds out what has already been done, so repeating it is safe.
//
// # Where to start reading
//
// [Mover.Run] makes all moves (run.go, parallel.go), and each move goes through the
// states in move.go. steps.go has the steps before and after the cutover, cutover.go
// the cutover and the way back, verify.go and watch.go the comparison of rows,
// stream.go the replication, and ownership.go the fence. pace.go and pacing.go slow the
// mover down when users' commits become slow. [Mover.Reconcile] (reconcile.go,
// judge.go, apply.go) repairs the ownership after a restore. [NewEstimate], [NewSizes]
// and [Observe] only read.
package reshard
