// Package redis runs Redis as a cache on Kubernetes. Nothing in it needs to survive, so
// it has no volume, no replica and no disruption budget: losing it costs a colder
// cache.
//
// It is one server, or Args.Nodes of them that know nothing of each other: clients find
// a key's server by its slot. A component named "redis" creates, all in one namespace:
//
//   - a Deployment "redis" of one pod, which is stopped before its successor
//     starts: two half-filled caches would answer differently
//   - a Service "redis", port 6379, with Args.TLS port 6380 or both
//   - a ConfigMap "redis-config": redis.conf
//   - a Secret "redis-acl": users.acl, with the password only as a hash
//   - a Secret "redis-app" with the keys username and password, generated
//   - a NetworkPolicy "redis"
//   - with Args.Exporter a Deployment, a Secret, a ServiceAccount and a NetworkPolicy
//     "redis-exporter"
//   - with Args.TLS.Issuer a Certificate "redis-tls" of cert-manager
//
// The names of the next server's objects begin with "redis-1", and so on. All servers
// have the user app with the password of "redis-app".
//
// # Who may do what
//
// The default user, which needs no password, may PING and end a script or a function
// that runs too long, and nothing else: probes need no secret. User app may read, write
// and expire keys that match Args.KeyPatterns, and run short scripts on them. It cannot
// list, flush or configure. The exporter's user, monitor, reads statistics and no key.
// The settings work with Redis 7.0 and later.
//
// # Scripts
//
// One script or function holds up every client. The next probe ends one that runs for
// more than a second. If it has written, which Redis does not undo, the server is
// stopped, and the next one starts with an empty cache.
//
// # TLS
//
// With Args.TLS a container "tls" in the pod checks the Secret and makes the server
// read a renewed certificate, without a restart and without closing a connection. A
// broken certificate is refused with a line in its log, and the server continues with
// the one it has. Only that container mounts the key's Secret; the server has a copy in
// memory. For this, a user "certificates", whose password never leaves the pod, may set
// Redis' configuration.
//
// # Memory
//
// maxmemory bounds the data, not the process: fragmentation and client buffers come on
// top. So data gets Args.MaxMemoryPercent of the limit and the rest is left to them.
package redis
