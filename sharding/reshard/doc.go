// Package reshard moves buckets of users from shard to shard while they are
// read and written, by PostgreSQL's own logical replication. docs/resharding-design.md
// explains the algorithm.
//
// Three rules keep it right whoever is killed when:
//
// A shard is changed only through the session that holds that shard's advisory
// lock, so that a mover that lost its lock has lost its voice too.
//
// A move's row and the fence of its buckets lie in one database, the source,
// and change in one transaction. The moment in which the source writes "handed
// over" decides the move: before it the source can take everything back, after
// it the target will own the buckets.
//
// Every step finds out what is already there, so that repeating it is safe.
package reshard
