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
			config := cluster.At("spec", "kafka", "config")
			copies(c, cluster, config.At("default.replication.factor"), config.At("min.insync.replicas"), brokers)
			copies(c, cluster, config.At("transaction.state.log.replication.factor"), config.At("transaction.state.log.min.isr"), brokers)
			copies(c, cluster, config.At("offsets.topic.replication.factor"), rule.Node{}, brokers)
			for _, topic := range topicsOf(g, cluster) {
				least := topic.At("spec", "config", "min.insync.replicas")
				if least.Absent() {
					least = config.At("min.insync.replicas")
				}
				copies(c, topic, topic.At("spec", "replicas"), least, brokers)
			}
		}
	},
}

func copies(c *rule.Check, r rule.Resource, factor, least rule.Node, brokers int) {
	n, ok := factor.Number()
	if !ok {
		return
	}
	if n > brokers || n == 1 && brokers > 1 {
		c.Refuse(r, factor, fmt.Sprintf("2 to %d, the number of brokers; 1 for a single broker", brokers),
			"set scalestack:kafka.replicationFactor, 3 where there are as many brokers")
		return
	}
	if inSync, ok := least.Number(); ok && inSync >= n && n > 1 {
		c.Refuse(r, least, fmt.Sprintf("below the replication factor %d", n), "set scalestack:kafka.minInSync to one less")
	}
}

func brokersOf(g rule.Graph, cluster rule.Resource) (brokers int, known bool) {
	for _, pool := range g.Of("KafkaNodePool") {
		roles, rolesKnown := pool.At("spec", "roles").Texts()
		if !pool.At("metadata", "labels", clusterLabel).Known() {
			return 0, false
		}
		if !belongs(pool, cluster) || rolesKnown && !slices.Contains(roles, "broker") {
			continue
		}
		n, ok := pool.At("spec", "replicas").Number()
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
				n := topic.At("spec", "partitions")
				if partitions, ok := n.Number(); ok && partitions < most {
					c.Report(topic, n.Path(), n.String(),
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

func reads(acl rule.Node, kind, name string) bool {
	operations, known := acl.At("operations").Texts()
	target := acl.At("resource")
	return (!known || slices.Contains(operations, "Read")) && target.At("type").Text() == kind && target.At("name").Text() == name
}

// topicName is the topic's name in Kafka.
func topicName(topic rule.Resource) string {
	if name := topic.At("spec", "topicName").Text(); name != "" {
		return name
	}
	return nameOf(topic)
}
