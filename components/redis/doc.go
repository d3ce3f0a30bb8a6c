// Package redis runs one Redis as a cache on Kubernetes: nothing in it needs to
// survive, so it has no volume, no replica and no disruption budget. Losing it
// costs a colder cache.
//
// A component named "redis" makes, all in one namespace:
//
//   - a Deployment "redis" of one pod, which is stopped before its successor
//     starts: two half-filled caches would answer differently
//   - a Service "redis", port 6379
//   - a ConfigMap "redis-config": redis.conf
//   - a Secret "redis-acl": users.acl, with the password only as a hash
//   - a Secret "redis-app" with the keys username and password, generated
//   - a NetworkPolicy "redis"
//   - with Args.Exporter a Deployment, a Secret, a ServiceAccount and a NetworkPolicy
//     "redis-exporter"
//
// # Who may do what
//
// The default user, which needs no password, may PING and end a script or a function that
// runs too long, and nothing else: probes need no secret. User app may read, write and expire keys that match
// Args.KeyPatterns, and run short scripts on them. It cannot list, flush or
// configure. The exporter's user, monitor, reads statistics and no key. The settings work with Redis 7.0 and later.
//
// # Scripts
//
// One script or function holds up every client. One that runs for more than a second is ended by the
// next probe; if it has written, which Redis does not undo, the server is ended, and the
// next one begins with an empty cache.
//
// # Memory
//
// maxmemory bounds the data, not the process: fragmentation and client buffers
// come on top. So data gets Args.MaxMemoryPercent of the limit and the rest is
// left to them.
package redis
