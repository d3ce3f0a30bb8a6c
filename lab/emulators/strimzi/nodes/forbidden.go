package nodes

import (
	"slices"
	"strings"
)

// forbiddenPrefixes begin the settings that Strimzi leaves out without a condition, and allowed are exceptions, which
// have to be equal (KafkaClusterSpec.FORBIDDEN_PREFIXES, AbstractConfiguration.filterForbidden).
var (
	forbiddenPrefixes = []string{
		"listeners", "advertised.", "broker.", "listener.", "host.name", "port", "inter.broker.listener.name", "sasl.", "ssl.",
		"security.", "password.", "log.dir", "zookeeper.connect", "zookeeper.set.acl", "zookeeper.ssl", "zookeeper.clientCnxnSocket",
		"authorizer.", "super.user", "cruise.control.metrics.topic", "cruise.control.metrics.reporter.bootstrap.servers", "node.id",
		"process.roles", "controller.", "metadata.log.dir", "zookeeper.metadata.migration.enable",
		"client.quota.callback.static.kafka.admin.", "client.quota.callback.static.produce", "client.quota.callback.static.fetch",
		"client.quota.callback.static.storage.per.volume.limit.min.available.", "client.quota.callback.static.excluded.principal.name.list",
	}
	allowed = []string{
		"zookeeper.connection.timeout.ms", "sasl.server.max.receive.size", "ssl.cipher.suites", "ssl.protocol", "ssl.enabled.protocols",
		"ssl.secure.random.implementation", "cruise.control.metrics.topic.num.partitions", "cruise.control.metrics.topic.replication.factor",
		"cruise.control.metrics.topic.retention.ms", "cruise.control.metrics.topic.auto.create.retries",
		"cruise.control.metrics.topic.auto.create.timeout.ms", "cruise.control.metrics.topic.min.insync.replicas",
		"controller.quorum.election.backoff.max.ms", "controller.quorum.election.timeout.ms", "controller.quorum.fetch.timeout.ms",
	}
)

func forbidden(name string) bool {
	lower := strings.ToLower(name)
	return !slices.Contains(allowed, name) &&
		slices.ContainsFunc(forbiddenPrefixes, func(prefix string) bool { return strings.HasPrefix(lower, prefix) })
}
