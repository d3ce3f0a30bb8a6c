package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/scalestack/scalestack/policies/rule"
)

const clusterLabel = "strimzi.io/cluster"

// groupVariable says which consumer group a pod's program belongs to.
const groupVariable = "SCALESTACK_KAFKA_GROUP"

// kafkaReplication keeps acknowledged messages when a broker is lost.
var kafkaReplication = rule.Rule{
	Name: "kafka-replication",
	Description: "min.insync.replicas < replication factor ≤ brokers: with as many in-sync replicas as there are copies, " +
		"one restarting broker stops all writes. A single broker has a single copy and no choice.",
	All: func(c *rule.Check, g rule.Graph) {
		for _, cluster := range g.Of("Kafka") {
			brokers, known := brokersOf(g, cluster)
			if !cluster.Kubernetes() || !cluster.At("metadata", "name").Known() || !known {
				continue
			}
			checkCopies(c, g, cluster, brokers)
		}
	},
}

// What Kafka takes for a broker setting that is not there.
const (
	defaultCopies       = 1
	defaultLeast        = 1
	defaultInternal     = 3
	defaultTransactions = 2
)

// checkCopies compares every pair of a replication factor and the replicas that have to
// be in sync.
func checkCopies(c *rule.Check, g rule.Graph, cluster rule.Resource, brokers int) {
	config := cluster.At("spec", "kafka", "config")
	setting := func(name string, otherwise int) amount { return amountAt(c, cluster, config.At(name), otherwise) }
	copies, least := setting("default.replication.factor", defaultCopies), setting("min.insync.replicas", defaultLeast)
	copies.check(c, least, brokers)
	setting("transaction.state.log.replication.factor", defaultInternal).check(c, setting("transaction.state.log.min.isr", defaultTransactions), brokers)
	setting("offsets.topic.replication.factor", defaultInternal).check(c, amount{}, brokers)
	for _, topic := range topicsOf(g, cluster) {
		own, ownLeast := topic.At("spec", "replicas"), topic.At("spec", "config", "min.insync.replicas")
		if own.Absent() && ownLeast.Absent() {
			continue // both are the cluster's
		}
		amountAt(c, topic, own, copies.value).check(c, amountAt(c, topic, ownLeast, least.value), brokers)
	}
}

// amount is an integer of a resource, or what counts where it is absent.
type amount struct {
	of    rule.Resource
	at    rule.Node
	value int
	known bool
}

// amountAt reads a number as Kafka does: 1 and "1" are the same. What is no integer is
// refused, because Strimzi would refuse it or compare something else.
func amountAt(c *rule.Check, r rule.Resource, n rule.Node, otherwise int) amount {
	found := amount{of: r, at: n, value: otherwise, known: otherwise > 0}
	if n.Absent() {
		return found
	}
	found.value, found.known = n.Integer()
	if !found.known && n.Known() {
		c.Refuse(r, n, "an integer", "write it as a number")
	}
	return found
}

func (n amount) check(c *rule.Check, least amount, brokers int) {
	switch {
	case !n.known:
	case n.value > brokers || n.value < 1 || n.value == 1 && brokers > 1:
		c.Refuse(n.of, n.at, fmt.Sprintf("2 to %d, the number of brokers; 1 for a single broker", brokers),
			"set scalestack:kafka.replicationFactor, 3 where there are as many brokers")
	case least.known && least.value >= n.value && n.value > 1:
		c.Refuse(least.of, least.at, fmt.Sprintf("below the replication factor %d", n.value), "set scalestack:kafka.minInSync to one less")
	}
}

// brokersOf counts the nodes with the role. A number that is none makes no difference
// here: the API server refuses the pool.
func brokersOf(g rule.Graph, cluster rule.Resource) (brokers int, known bool) {
	for _, pool := range g.Of("KafkaNodePool") {
		roles, rolesKnown := pool.At("spec", "roles").Texts()
		if !pool.At("metadata", "labels", clusterLabel).Known() {
			return 0, false
		}
		if !belongs(pool, cluster) || rolesKnown && !slices.Contains(roles, "broker") {
			continue
		}
		n, ok := pool.At("spec", "replicas").Integer()
		if !ok || !rolesKnown {
			return 0, false
		}
		brokers += n
	}
	return brokers, true
}

func belongs(r, cluster rule.Resource) bool {
	return r.At("metadata", "labels", clusterLabel).Text() == nameOf(cluster) && together(r, cluster)
}

func topicsOf(g rule.Graph, cluster rule.Resource) []rule.Resource {
	var topics []rule.Resource
	for _, topic := range g.Of("KafkaTopic") {
		if belongs(topic, cluster) {
			topics = append(topics, topic)
		}
	}
	return topics
}

// kafkaConsumers keeps pods from running without work.
var kafkaConsumers = rule.Rule{
	Name: "kafka-consumers",
	Description: "A consumer group has at most as many consumers as each of its topics has partitions: one more would " +
		"get no partition and only cost money. A workload names its group in " + groupVariable + ".",
	All: func(c *rule.Check, g rule.Graph) {
		for group, workloads := range consumersByGroup(g) {
			most, terms := 0, []string{}
			for _, replicas := range workloads {
				most += replicas.Max
				terms = append(terms, strconv.Itoa(replicas.Max)+" pods by "+replicas.By.String())
			}
			slices.Sort(terms)
			for _, topic := range topicsRead(g, group) {
				n := amountAt(c, topic, topic.At("spec", "partitions"), partitionsOf(g, topic))
				if n.known && n.value < most {
					c.Report(topic, n.at.Path(), n.at.String(),
						fmt.Sprintf("at least %d, the consumers of group %s: %s", most, group, strings.Join(terms, ", ")),
						"lower the consumers' most replicas, or add partitions where the order of keys does not matter")
				}
			}
		}
	},
}

// consumersByGroup are the replicas of every workload, by group.
func consumersByGroup(g rule.Graph) map[string][]replicas {
	found := map[string][]replicas{}
	for _, p := range allPods(g) {
		for _, container := range p.Main() {
			for _, variable := range container.At("env").Items() {
				group := variable.At("value").Text()
				replicas := replicasOf(g, p.Owner)
				if variable.At("name").Text() == groupVariable && group != "" && replicas.Known {
					found[group] = append(found[group], replicas)
				}
			}
		}
	}
	return found
}

// topicsRead are the topics that the user of a group may read.
func topicsRead(g rule.Graph, group string) []rule.Resource {
	var topics []rule.Resource
	for _, user := range g.Of("KafkaUser") {
		acls := user.At("spec", "authorization", "acls").Items()
		if !slices.ContainsFunc(acls, func(acl rule.Node) bool { return reads(acl, "group", group) }) {
			continue
		}
		for _, topic := range g.Of("KafkaTopic") {
			if slices.ContainsFunc(acls, func(acl rule.Node) bool { return reads(acl, "topic", topicName(topic)) }) {
				topics = append(topics, topic)
			}
		}
	}
	return topics
}

// partitionsOf are those of a topic that does not say: the broker's setting, or Kafka's
// own, which is one. Zero: not known.
func partitionsOf(g rule.Graph, topic rule.Resource) int {
	for _, cluster := range g.Of("Kafka") {
		n := cluster.At("spec", "kafka", "config", "num.partitions")
		if belongs(topic, cluster) && !n.Absent() {
			partitions, _ := n.Integer()
			return partitions
		}
	}
	return 1
}

// reads reports whether a rule lets its user read. A rule may name one operation or
// several, and a resource in full, by its beginning, or all with "*".
func reads(acl rule.Node, kind, name string) bool {
	operations, known := acl.At("operations").Texts()
	operations = append(operations, acl.At("operation").Text())
	target := acl.At("resource")
	pattern := target.At("name").Text()
	return (!known || slices.Contains(operations, "Read") || slices.Contains(operations, "All")) &&
		acl.At("type").Text() != "deny" && target.At("type").Text() == kind &&
		(pattern == name || pattern == "*" || target.At("patternType").Text() == "prefix" && strings.HasPrefix(name, pattern))
}

// topicName is the topic's name in Kafka.
func topicName(topic rule.Resource) string {
	if name := topic.At("spec", "topicName").Text(); name != "" {
		return name
	}
	return nameOf(topic)
}
