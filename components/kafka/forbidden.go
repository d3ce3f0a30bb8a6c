package kafka

import "strings"

// strimzisOwn are the beginnings of broker settings that Strimzi decides. It leaves
// such a setting out with a warning in the Kafka's status, as its API reference lists
// for KafkaClusterSpec.config.
var strimzisOwn = []string{
	"listeners", "advertised.", "broker.", "listener.", "host.name", "port", "inter.broker.listener.name",
	"sasl.", "ssl.", "security.", "password.", "log.dir", "authorizer.", "super.user", "node.id", "process.roles",
	"controller.", "metadata.log.dir", "zookeeper.",
	"cruise.control.metrics.topic", "cruise.control.metrics.reporter.bootstrap.servers",
	"client.quota.callback.static.",
}

// usersOwn are those below such a beginning that it takes nevertheless.
var usersOwn = []string{
	"sasl.server.max.receive.size",
	"ssl.cipher.suites", "ssl.protocol", "ssl.enabled.protocols", "ssl.secure.random.implementation",
	"cruise.control.metrics.topic.num.partitions", "cruise.control.metrics.topic.replication.factor",
	"cruise.control.metrics.topic.retention.ms", "cruise.control.metrics.topic.auto.create.retries",
	"cruise.control.metrics.topic.auto.create.timeout.ms", "cruise.control.metrics.topic.min.insync.replicas",
	"controller.quorum.election.backoff.max.ms", "controller.quorum.election.timeout.ms", "controller.quorum.fetch.timeout.ms",
}

// forbidden tells whether Strimzi would ignore a broker setting.
func forbidden(key string) bool {
	begins := func(list []string) bool {
		for _, prefix := range list {
			if strings.HasPrefix(key, prefix) {
				return true
			}
		}
		return false
	}
	return begins(strimzisOwn) && !begins(usersOwn)
}
