package tests

import (
	"fmt"
	"strconv"
	"strings"

	"pgregory.net/rapid"
)

// to is a change, with a path such as kafka.pools.0.replicas.
func to(path string, value any) set {
	var keys []any
	for _, part := range strings.Split(path, ".") {
		if index, err := strconv.Atoi(part); err == nil {
			keys = append(keys, index)
			continue
		}
		keys = append(keys, part)
	}
	return set{keys, value}
}

// numbers makes a mistake of whole numbers in a range.
func numbers(path, reason string, low, high int, sets func(n int) []set) *rapid.Generator[mistake] {
	return rapid.Map(rapid.IntRange(low, high), func(n int) mistake { return mistake{path, reason, sets(n)} })
}

// texts makes a mistake of texts that match an expression.
func texts(path, reason, expression string, sets func(text string) []set) *rapid.Generator[mistake] {
	return rapid.Map(rapid.StringMatching(expression), func(text string) mistake { return mistake{path, reason, sets(text)} })
}

// one sets the wrong value alone.
func one[T any](key string) func(T) []set {
	return func(value T) []set { return []set{to(key, value)} }
}

// meanings are the mistakes that no schema knows: wrong formats, and values
// that do not go together.
func meanings() []*rapid.Generator[mistake] {
	var all []*rapid.Generator[mistake]
	for _, group := range [][]*rapid.Generator[mistake]{databases(), services(), events(), edges(), quantities()} {
		all = append(all, group...)
	}
	return all
}

func databases() []*rapid.Generator[mistake] {
	return []*rapid.Generator[mistake]{
		numbers("postgres.shards", "is not between 1 and", 5, 960, func(n int) []set {
			return []set{to("postgres.shards", n), to("postgres.buckets", n-1)}
		}),
		numbers("postgres.initialShards", "is not between 1 and", 5, 960, func(n int) []set {
			return []set{to("postgres.initialShards", n), to("postgres.buckets", n-1)}
		}),
		numbers("postgres.drain[0]", "is not a shard id between 0 and 3", 4, 959, one[int]("postgres.drain.0")),
		numbers("postgres.drain[1]", "is not unique", 0, 3, func(n int) []set { return []set{to("postgres.drain", []any{n, n})} }),
		numbers("postgres.gone[0]", "must be a shard id between 0 and 3", 4, 959, one[int]("postgres.gone.0")),
		numbers("postgres.gone[0]", "must be in drain", 0, 3, one[int]("postgres.gone.0")),
		numbers("postgres.images.7", "the key must be one of the shards", 1, 99, func(n int) []set {
			return []set{to("postgres.images", object{"7": fmt.Sprintf("postgres:17.%d", n)})}
		}),
		numbers("postgres.drain", "is not allowed to name every shard", 1, 20, func(n int) []set {
			drain := make([]any, n)
			for i := range drain {
				drain[i] = i
			}
			return []set{to("postgres.shards", n), to("postgres.drain", drain)}
		}),
		numbers("postgres.weights.7", "is not a shard id between 0 and 3", 1, 1000, func(n int) []set {
			return []set{to("postgres.weights", object{"7": n})}
		}),
		numbers("postgres.weights.one", "the key must be an integer", 1, 1000, func(n int) []set {
			return []set{{[]any{"postgres", "weights", "one"}, n}}
		}),
		numbers("postgres.pins.960", "is not a bucket between 0 and 959", 0, 3, func(n int) []set {
			return []set{to("postgres.pins", object{"960": n})}
		}),
		numbers("postgres.pins.5", "is not a shard id between 0 and 3", 4, 959, func(n int) []set {
			return []set{to("postgres.pins", object{"5": n})}
		}),
		numbers("postgres.pins.5", "is not a shard to pin to: it is drained", 0, 3, func(n int) []set {
			return []set{to("postgres.pins", object{"5": n}), to("postgres.drain", []any{n})}
		}),
		numbers("postgres.resources.memory", "must be at least", 1, 255, func(n int) []set {
			return []set{to("postgres.resources.memory", fmt.Sprintf("%dMi", n))}
		}),
		numbers("postgres.resources.memory", "must be at least 448Mi with members above 1 and backup", 1, 447, func(n int) []set {
			return []set{
				to("postgres.resources.memory", fmt.Sprintf("%dMi", n)), to("postgres.members", 3),
				to("postgres.backup.bucket", "s3://acme-backups/other"),
			}
		}),
		numbers("postgres.maxConnections", "with resources.memory 512Mi", 2000, 10000, func(n int) []set {
			return []set{to("postgres.resources.memory", "512Mi"), to("postgres.maxConnections", n)}
		}),
		numbers("postgres.storage.size", "must be a quantity of at least 1Gi", 1, 1023, func(n int) []set {
			return []set{to("postgres.storage.size", fmt.Sprintf("%dMi", n))}
		}),
		texts("postgres.settings.port", "is decided by the component", `.*`, one[string]("postgres.settings.port")),
		texts("postgres.settings.geqo_seed", "must be one line", `[a-z]*\n[a-z]*`, one[string]("postgres.settings.geqo_seed")),
		texts("postgres.image", "must be an image", `[a-z]{1,5} [a-z]{1,5}:1`, one[string]("postgres.image")),
		texts("services.users.image", "must name a version", `[a-z]{1,20}(:latest)?`, one[string]("services.users.image")),
		texts("postgres.shardctl.image", "must name a version", `[a-z]{1,20}(:latest)?`, one[string]("postgres.shardctl.image")),
		texts("namespace", "must be a DNS label", `[A-Z_ ]{1,20}`, func(text string) []set {
			return []set{{[]any{"namespace"}, text}}
		}),
		texts("redis.resources.memory", "must be at least 64Mi", `[1-9]Mi`, one[string]("redis.resources.memory")),
	}
}

func services() []*rapid.Generator[mistake] {
	return []*rapid.Generator[mistake]{
		numbers("postgres.maxConnections", "must be at least", 200, 1000, one[int]("services.users.uses.shards.pool")),
		numbers("services.users.replicas.max", "must be at least replicas.min", 11, 1000, one[int]("services.users.replicas.min")),
		texts("services.users.ingressFrom[0].cidr", "must be an address range", `[a-z./0-9]{1,8}[a-z]`, func(text string) []set {
			return []set{to("services.users.ingressFrom", []any{object{"cidr": text}})}
		}),
		texts("services.users.ingressFrom[0]", "must not be combined with pods or namespaces", `[a-z]{1,8}`, func(text string) []set {
			return []set{to("services.users.ingressFrom", []any{object{"cidr": "10.0.0.0/8", "pods": object{"app": text}}})}
		}),
		texts("services.users.metrics[0]", "must have one of average and total", `[a-z_]{1,20}`, func(text string) []set {
			return []set{to("services.users.metrics.0", object{"kind": "external", "name": text})}
		}),
		numbers("services.users.metrics[0].total", "is for external metrics", 1, 1000, func(n int) []set {
			return []set{to("services.users.metrics.0", object{"kind": "pods", "name": "connections", "total": strconv.Itoa(n)})}
		}),
		numbers("services.email.replicas.max", "one more consumer has no work", 13, 20, one[int]("services.email.replicas.max")),
		texts("services.email.imageFrom", "Not found", `[a-d]{1,10}`, one[string]("services.email.imageFrom")),
		texts("services.email.name", "is the name of the objects of service", `(relay|analytics)`, one[string]("services.email.name")),
		texts("services.email.name", "may be the name of an object of component", `(redis|kafka|postgres|shards)(-[a-z]{1,5})?`, one[string]("services.email.name")),
	}
}

func events() []*rapid.Generator[mistake] {
	return []*rapid.Generator[mistake]{
		numbers("kafka.replicationFactor", "must be between 1 and the number of brokers", 4, 100, one[int]("kafka.replicationFactor")),
		numbers("kafka.pools", "must have 1, 3 or 5 controllers", 6, 100, one[int]("kafka.pools.0.replicas")),
		texts("kafka.topics[0].name", "must be 1 to 249 letters", `[a-z]{1,5}[ !/]{1,3}[a-z]`, one[string]("kafka.topics.0.name")),
		texts("kafka.topics[1].name", "object", `[a-z]{1,10}`, func(text string) []set {
			return []set{to("kafka.topics", []any{object{"name": text + "_x"}, object{"name": text + "-x"}})}
		}),
		texts("kafka.users[0].consume[0]", "must be one of the topics", `[a-z]{1,10}`, func(text string) []set {
			return []set{to("kafka.users", []any{object{"name": "reader", "consume": []any{text}, "group": "g"}})}
		}),
		texts("kafka.users[0].group", "Required value: with consume", `[a-z]{1,10}`, func(text string) []set {
			return []set{to("kafka.topics", []any{object{"name": "a"}}), to("kafka.users", []any{object{"name": text, "consume": []any{"a"}}})}
		}),
		texts("kafka.operator.kubernetesVersion", "must be a version", `[a-z]{1,10}`, one[string]("kafka.operator.kubernetesVersion")),
		texts("kafka.rackKey", "must be a label key", `[ !]{1,10}`, one[string]("kafka.rackKey")),
	}
}

func edges() []*rapid.Generator[mistake] {
	rule := func(members object) []set { return []set{to("cdn.plan", "free"), to("cdn.rules", []any{members})} }
	return []*rapid.Generator[mistake]{
		texts("cdn.zoneId", "must be 32 hexadecimal digits", `[0-9a-z]{1,31}`, one[string]("cdn.zoneId")),
		numbers("cdn.rules", "plan free allows 10", 9, 60, func(n int) []set {
			return []set{to("cdn.plan", "free"), to("cdn.rules", rules(n))}
		}),
		numbers("cdn.rules[0].edgeTtl", "the least that plan free allows", 1, 7199, func(n int) []set {
			return rule(object{"ref": "a", "path": "/a/*", "edgeTtl": n})
		}),
		texts("cdn.rules[0].path", "which is never cached", `/users(/[a-z]{1,8})?/\*`, func(text string) []set {
			return rule(object{"ref": "a", "path": text})
		}),
		texts("cdn.rules[0]", "path, extensions or both", `[a-z0-9-]{1,10}`, func(text string) []set {
			return rule(object{"ref": "r" + text})
		}),
		texts("cdn.rules[0].ref", "must be 1 to 40 of", `[A-Z _]{1,10}`, func(text string) []set {
			return rule(object{"ref": text, "path": "/a/*"})
		}),
		texts("cdn.rules[0].query.mode", "enterprise", `(include|exclude)`, func(text string) []set {
			return rule(object{"ref": "a", "path": "/a/*", "query": object{"mode": text, "names": []any{"v"}}})
		}),
		numbers("cdn.rules[0].statusTtls[0].to", "it is below from", 101, 599, func(n int) []set {
			status := object{"from": n, "to": n - 1, "ttl": 0}
			return append(rule(object{"ref": "a", "path": "/a/*", "statusTtls": []any{status}}), to("cdn.plan", "enterprise"))
		}),
		texts("cdn.bypassPrefixes[0]", "must be a path prefix", `[a-z]{1,8}`, one[string]("cdn.bypassPrefixes.0")),
		texts("cdn.edgeRanges[0]", "must be an address range", `[a-z./0-9]{1,8}[a-z]`, func(text string) []set {
			return []set{to("services.users.allowEdge", true), to("cdn.edgeRanges", []any{text})}
		}),
		texts("cdn.originPulls.certificateId", "must be the id of a certificate", `[a-z0-9]{1,31}`, func(text string) []set {
			return []set{to("cdn.originPulls", object{"certificateId": text})}
		}),
		texts("cdn.record.content", "must be an IPv4 address", `[a-z]{1,10}`, func(text string) []set {
			return []set{to("cdn.record", object{"name": "www", "type": "A", "content": text})}
		}),
		texts("typo", "is not a setting; known here: cdn, externalSecrets, gateway, kafka", `.*`, one[string]("typo")),
	}
}

// quantities are all settings that hold one; letters alone that are no unit never are.
func quantities() []*rapid.Generator[mistake] {
	var all []*rapid.Generator[mistake]
	for _, path := range []string{
		"postgres.resources.memory", "postgres.resources.cpuRequest", "postgres.resources.cpuLimit", "postgres.storage.size",
		"services.users.resources.memory", "services.users.resources.cpuRequest", "services.users.resources.cpuLimit",
		"redis.resources.memory", "redis.resources.cpuRequest", "redis.resources.cpuLimit",
		"kafka.cruiseControl.memory", "kafka.exporter.cpuLimit",
	} {
		all = append(all, texts(path, "must be a quantity", `x[A-Za-z]{0,9}`, one[string](path)))
	}
	return all
}
