package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/policies/rule"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

const (
	cluster = "Kafka kafka"
	topic   = "KafkaTopic user-events"
	conf    = `data["postgresql.conf"]`
	mapText = `data["map.json"]`
)

// mapOf writes a map for the first n shards, whole in itself.
func mapOf(n int) edit {
	return func(t *testing.T, g rule.Graph) rule.Graph {
		m, err := shardmap.Decode([]byte(g[find(t, g, "ConfigMap shard-map-*")].At("data", "map.json").Text()))
		require.NoError(t, err)
		m.Shards, m.InitialShards, m.Assignment = m.Shards[:n], n, shardmap.Base(m.Buckets, n)
		text, err := m.Encode()
		require.NoError(t, err)
		return set("ConfigMap shard-map-*", mapText, string(text))(t, g)
	}
}

// mapWithout writes a map without one shard, whose buckets the first one takes.
func mapWithout(id int) edit {
	return func(t *testing.T, g rule.Graph) rule.Graph {
		m, err := shardmap.Decode([]byte(g[find(t, g, "ConfigMap shard-map-*")].At("data", "map.json").Text()))
		require.NoError(t, err)
		m.Shards = slices.DeleteFunc(m.Shards, func(s shardmap.Shard) bool { return s.ID == id })
		for bucket, owner := range m.Assignment {
			if owner == id {
				m.Assignment[bucket] = m.Shards[0].ID
			}
		}
		text, err := m.Encode()
		require.NoError(t, err)
		return set("ConfigMap shard-map-*", mapText, string(text))(t, g)
	}
}

// withoutServers removes a shard's servers, all members of them, with the Services and the budget that lead to them.
func withoutServers(shard string) edit {
	return func(t *testing.T, g rule.Graph) rule.Graph {
		left := slices.DeleteFunc(slices.Clone(g), func(r rule.Resource) bool {
			name := nameOf(r)
			return r.Kubernetes() && slices.Contains([]string{"StatefulSet", "Service", "PodDisruptionBudget"}, r.Kind()) &&
				(name == shard || strings.HasPrefix(name, shard+"-"))
		})
		require.Less(t, len(left), len(g))
		return left
	}
}

// readers are the rules of a consumer that names its topic and its group in another way.
func readers(pattern, operation string) []any {
	var rules []any
	for kind, name := range map[string]string{"topic": "user_events", "group": "analytics"} {
		if pattern == "prefix" {
			name = name[:4]
		}
		rules = append(rules, map[string]any{"operation": operation, "resource": map[string]any{"type": kind, "name": name, "patternType": pattern}})
	}
	return rules
}

// dataMutations break the shards and Kafka.
var dataMutations = map[string]mutation{
	"one shard takes too few":      {policy: "shard-connections", only: "dev", says: "ConfigMap scalestack/postgres-shard-2-config: data[\"postgresql.conf\"] max_connections is 128, allowed: at least 136: 3 pods of analytics × 2 + 13 pods of app × 8 + 5 pods of email × 2 + 3 pods of relay × 2 + 10 in reserve", edits: edits(replace("ConfigMap postgres-shard-2-config", conf, "max_connections = '140'", "max_connections = '128'"))},
	"limit without an equals sign": {policy: "shard-connections", says: "max_connections is 20", edits: edits(replace("ConfigMap postgres-shard-0-config", conf, "jit = 'off'", "Max_Connections 20"))},
	"limit left to the server":     {policy: "shard-connections", only: "dev", says: "max_connections is 100", edits: edits(replace("ConfigMap postgres-shard-0-config", conf, "max_connections = '140'", ""))},
	"a later line takes less":      {policy: "shard-connections", says: "max_connections is 20", edits: edits(replace("ConfigMap postgres-shard-0-config", conf, "jit = 'off'", "max_connections = 20 # less"))},
	"larger pools":                 {policy: "shard-connections", says: "13 pods of app × 60", edits: edits(set(web, main0+"env[0].value", "60"))},
	"more pods":                    {policy: "shard-connections", says: "pods of app", edits: edits(set(scaler, "spec.maxReplicas", 40.0))},
	"more pods of KEDA":            {policy: "shard-connections", says: "pods of app", edits: edits(without(scaler), scaled("app", 3, 40))},
	"KEDA without a maximum": {policy: "shard-connections", says: "125 pods of app", edits: edits(without(scaler),
		declare("kubernetes:keda.sh/v1alpha1:ScaledObject", map[string]any{"scaleTargetRef": map[string]any{"name": "app"}, "minReplicaCount": 3.0}))},
	"all pods anew at once":    {policy: "shard-connections", says: "20 pods of app", edits: edits(set(web, "spec.strategy.rollingUpdate.maxSurge", "100%"))},
	"server removed":           {policy: "shard-map", says: "shard-3 at postgres-shard-3.scalestack.svc.cluster.local, where no StatefulSet is", edits: edits(withoutServers("postgres-shard-3"))},
	"host of no server":        {policy: "shard-map", says: "shards[2] is shard-2 at postgres-shard-9.", edits: edits(replace("ConfigMap shard-map-*", mapText, "postgres-shard-2.", "postgres-shard-9."))},
	"shard not in the map":     {policy: "shard-map", says: "StatefulSet scalestack/postgres-shard-3: the server is not in the shard map and not marked as drained", edits: edits(mapOf(3))},
	"buckets without an owner": {policy: "shard-map", says: "no valid shard map: assignment[3]: 3 is not the id of a shard", edits: edits(replace("ConfigMap shard-map-*", mapText, `"id":3`, `"id":7`))},
	"drained and owning": {policy: "shard-map", says: `scalestack/drained"] is true, but the map gives it 240 buckets`,
		edits: edits(set("StatefulSet postgres-shard-2", `metadata.annotations["scalestack/drained"]`, "true"))},
	"no map": {policy: "shard-map", says: "no valid shard map", edits: edits(set("ConfigMap shard-map-*", mapText, "{}"))},
	"shard dropped": {policy: "shards-kept", says: "shard-0, shard-1, shard-2 without shard-3", edits: edits(withoutServers("postgres-shard-3"), mapOf(3)),
		config: map[string]any{"deployed": []any{"shard-0", "shard-1", "shard-2", "shard-3"}}},
	"shard in the middle gone": {policy: "shards-kept", says: "shard-0, shard-2, shard-3 without shard-1",
		edits:  edits(withoutServers("postgres-shard-1"), mapWithout(1)),
		config: map[string]any{"deployed": []any{"shard-0", "shard-1", "shard-2", "shard-3"}, "drained": []any{"shard-3"}}},
	"server of a gone shard": {policy: "shard-map", says: "StatefulSet scalestack/postgres-shard-1: the server is not in the shard map and not marked as drained", edits: edits(mapWithout(1))},

	"servers without TLS":   {policy: "shards-encrypted", only: "prod", says: `data["postgresql.conf"] is without TLS`, edits: edits(replace("ConfigMap postgres-shard-0-config", conf, "ssl = 'on'", "ssl = 'off'"))},
	"a later line ends TLS": {policy: "shards-encrypted", only: "prod", says: `data["postgresql.conf"] is without TLS`, edits: edits(replace("ConfigMap postgres-shard-2-config", conf, "jit = 'off'", "SSL off # for a test"))},
	"clear text is taken":   {policy: "shards-encrypted", only: "prod", says: `data["pg_hba.conf"] is a line for logins without TLS`, edits: edits(replace("ConfigMap postgres-shard-3-config", `data["pg_hba.conf"]`, "hostssl all", "host    all"))},

	"a cache without TLS":           {policy: "cache-encrypted", only: "prod", says: `data["redis.conf"] is without TLS`, edits: edits(replace("ConfigMap redis-config", `data["redis.conf"]`, "tls-port 6380", "tls-port 0"))},
	"a cache that never had TLS":    {policy: "cache-encrypted", only: "prod", says: `data["redis.conf"] is without TLS`, edits: edits(replace("ConfigMap redis-config", `data["redis.conf"]`, "tls-port 6380", ""))},
	"a cache that takes clear text": {policy: "cache-encrypted", only: "prod", says: `data["redis.conf"] is a port for clear text`, edits: edits(replace("ConfigMap redis-config", `data["redis.conf"]`, "databases 1", "PORT 6379"))},

	"pool that leaves":          {policy: "kafka-kept", says: "without gone", edits: edits(), config: map[string]any{"pools": []any{"gone"}}},
	"every copy in sync":        {policy: "kafka-replication", only: "staging", says: `"min.insync.replicas"] is 3, allowed: below the replication factor 3`, edits: edits(set(cluster, `spec.kafka.config["min.insync.replicas"]`, 3.0))},
	"topic in sync":             {policy: "kafka-replication", only: "prod", says: "KafkaTopic scalestack/user-events", edits: edits(set(topic, `spec.config["min.insync.replicas"]`, 3.0))},
	"transactions in sync":      {policy: "kafka-replication", only: "prod", says: "transaction.state.log.min.isr", edits: edits(set(cluster, `spec.kafka.config["transaction.state.log.min.isr"]`, 4.0))},
	"more copies than brokers":  {policy: "kafka-replication", only: "staging", says: "spec.replicas is 4, allowed: 2 to 3, the number of brokers", edits: edits(set(topic, "spec.replicas", 4.0))},
	"single copy":               {policy: "kafka-replication", only: "staging", says: "spec.replicas is 1, allowed: 2 to 3", edits: edits(set(topic, "spec.replicas", 1.0))},
	"a broker less":             {policy: "kafka-replication", only: "prod", says: "offsets.topic.replication.factor", edits: edits(set("KafkaNodePool brokers", "spec.replicas", 2.0))},
	"copies on a single broker": {policy: "kafka-replication", only: "dev", says: "default.replication.factor\"] is 3, allowed: 2 to 1", edits: edits(set(cluster, `spec.kafka.config["default.replication.factor"]`, 3.0))},

	"in sync in words":        {policy: "kafka-replication", only: "staging", says: `"min.insync.replicas"] is "3", allowed: below the replication factor 3`, edits: edits(set(cluster, `spec.kafka.config["min.insync.replicas"]`, "3"))},
	"single copy in words":    {policy: "kafka-replication", only: "prod", says: `is " 1 ", allowed: 2 to 3`, edits: edits(set(cluster, `spec.kafka.config["offsets.topic.replication.factor"]`, " 1 "))},
	"topic in sync in words":  {policy: "kafka-replication", only: "prod", says: "KafkaTopic scalestack/user-events", edits: edits(set(topic, `spec.config["min.insync.replicas"]`, "3"))},
	"two and a half copies":   {policy: "kafka-replication", only: "prod", says: "is 2.5, allowed: an integer", edits: edits(set(cluster, `spec.kafka.config["default.replication.factor"]`, 2.5))},
	"two and a half in words": {policy: "kafka-replication", only: "prod", says: `is "2.5", allowed: an integer`, edits: edits(set(topic, `spec.config["min.insync.replicas"]`, "2.5"))},
	"no copies":               {policy: "kafka-replication", only: "prod", says: "is 0, allowed: 2 to 3", edits: edits(set(topic, "spec.replicas", 0.0))},
	"Kafka's own default":     {policy: "kafka-replication", only: "prod", says: `"default.replication.factor"] is not set, allowed: 2 to 3`, edits: edits(unset(cluster, `spec.kafka.config["default.replication.factor"]`))},
	"the topic's own default": {policy: "kafka-replication", only: "prod", says: `spec.replicas is not set, allowed: 2 to 3`, edits: edits(unset(cluster, `spec.kafka.config["default.replication.factor"]`), unset(topic, "spec.replicas"))},

	"more consumers than partitions": {policy: "kafka-consumers", says: "KafkaTopic scalestack/user-events: spec.partitions is 1, allowed: at least", edits: edits(
		set(topic, "spec.partitions", 1.0))},
	"consumers of two workloads": {policy: "kafka-consumers", says: "the consumers of group analytics: 10 pods by HorizontalPodAutoscaler scalestack/app, ", edits: edits(
		set("KafkaTopic product-events", "spec.partitions", 10.0), add(web, main0+"env", env("SCALESTACK_KAFKA_GROUP", "analytics")))},

	"partitions in words":   {policy: "kafka-consumers", says: `spec.partitions is "1", allowed: at least`, edits: edits(set(topic, "spec.partitions", "1"))},
	"partitions by default": {policy: "kafka-consumers", says: "spec.partitions is not set, allowed: at least", edits: edits(unset(topic, "spec.partitions"))},
	"a group by its beginning": {policy: "kafka-consumers", says: "spec.partitions is 1, allowed: at least", edits: edits(set(topic, "spec.partitions", 1.0),
		set("KafkaUser analytics", "spec.authorization.acls", readers("prefix", "Read"))), only: "prod"},
	"every operation": {policy: "kafka-consumers", says: "spec.partitions is 1, allowed: at least", edits: edits(set(topic, "spec.partitions", 1.0),
		set("KafkaUser analytics", "spec.authorization.acls", readers("literal", "All"))), only: "prod"},

	"claims go in words":         {policy: "volumes-kept", says: `deleteClaim is "true"`, edits: edits(set("KafkaNodePool *", "spec.storage.volumes[0].deleteClaim", "true")), only: "dev"},
	"claims go with the cluster": {policy: "volumes-kept", says: "spec.kafka.storage.deleteClaim is true", edits: edits(set(cluster, "spec.kafka.storage.deleteClaim", true))},
	"user's Secret declared":     {policy: "kafka-secret-unique", says: "declared by Secret scalestack/kafka-user-analytics too", edits: edits(twin("Secret redis-app", "kafka-user-analytics"))},
	"Strimzi's own Secret": {policy: "kafka-secret-unique", says: "its Secret kafka-cluster-ca-cert is one that Strimzi writes for Kafka scalestack/kafka", edits: edits(
		set(cluster, "spec.entityOperator.userOperator.secretPrefix", "kafka-"), twin("KafkaUser analytics", "cluster-ca-cert"))},
	"user's Secret by prefix": {policy: "kafka-secret-unique", says: "its Secret redis-analytics is declared by", edits: edits(
		set(cluster, "spec.entityOperator.userOperator.secretPrefix", "redis-"), twin("Secret redis-app", "redis-analytics"))},
}
