package kafka

import (
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/internal/settings"
)

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

// usersOwn are those below such a beginning that it takes nevertheless, in full.
var usersOwn = []string{
	"sasl.server.max.receive.size",
	"ssl.cipher.suites", "ssl.protocol", "ssl.enabled.protocols", "ssl.secure.random.implementation",
	"cruise.control.metrics.topic.num.partitions", "cruise.control.metrics.topic.replication.factor",
	"cruise.control.metrics.topic.retention.ms", "cruise.control.metrics.topic.auto.create.retries",
	"cruise.control.metrics.topic.auto.create.timeout.ms", "cruise.control.metrics.topic.min.insync.replicas",
	"controller.quorum.election.backoff.max.ms", "controller.quorum.election.timeout.ms", "controller.quorum.fetch.timeout.ms",
}

// kraftIgnores are settings that mean nothing without ZooKeeper.
var kraftIgnores = []string{"inter.broker.protocol.version", "log.message.format.version"}

// forbidden reports whether Strimzi would ignore a broker setting. It compares beginnings
// without regard to case, and exceptions in full (AbstractConfiguration.filterForbidden).
func forbidden(key string) bool {
	lower := strings.ToLower(key)
	return !slices.Contains(usersOwn, key) &&
		slices.ContainsFunc(strimzisOwn, func(prefix string) bool { return strings.HasPrefix(lower, prefix) })
}

// The last words of settings that are numbers or switches, by Kafka's own conventions.
var (
	numeric  = []string{".ms", ".bytes", ".hours", ".minutes", ".seconds", ".secs", ".replication.factor", ".isr", ".threads", ".partitions", ".replicas", ".messages", ".size"}
	switches = []string{".enable"}
)

// checkValue refuses what Kafka could not read: Strimzi would reject the whole cluster,
// and the deployment would wait for it until its timeout. Ranges are left to Kafka.
func checkValue(path *field.Path, key, value string) field.ErrorList {
	ends := func(list []string) bool {
		return slices.ContainsFunc(list, func(suffix string) bool { return strings.HasSuffix(key, suffix) })
	}
	trimmed := strings.TrimSpace(value)
	switch _, err := strconv.ParseInt(trimmed, 10, 64); {
	case (ends(numeric) || strings.HasPrefix(key, "num.")) && err != nil:
		return field.ErrorList{field.Invalid(path, settings.Short(value), "must be an integer")}
	case ends(switches) && !strings.EqualFold(trimmed, "true") && !strings.EqualFold(trimmed, "false"):
		return field.ErrorList{field.Invalid(path, settings.Short(value), "must be true or false")}
	}
	return nil
}
