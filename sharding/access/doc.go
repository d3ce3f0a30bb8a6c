// Package access describes who may do what on the shards: a role for each service,
// with the tables and functions that it declares. The stack writes the description, and shardctl
// migrate brings every shard to it (package migrate).
//
// A service has three roles on every shard. One named after it, which cannot log in,
// holds the rights; two logins, a and b, are its members and have no rights of their
// own. One login is current, and a rotation makes the other one current: clients that
// still have the former password go on until they have read the new one.
package access
