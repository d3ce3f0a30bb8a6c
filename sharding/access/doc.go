// Package access describes who may do what on the shards: a role for each service, with
// the tables and functions that the service declares. The stack writes the description,
// and shardctl migrate applies it to every shard (package migrate).
//
// A service has three roles on every shard. One named after it, which cannot log in,
// holds the rights. Two logins, a and b, are its members and have no rights of their
// own. One login is current; a rotation makes the other one current, and clients with
// the former password keep working until they have read the new one.
package access
