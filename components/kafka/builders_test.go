package kafka

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/internal/settings"
)

func TestDefaults(t *testing.T) {
	var none *Args
	a := none.withDefaults()
	require.Equal(t, "3.7.1", a.Version)
	require.Equal(t, "3.7-IV4", a.MetadataVersion)
	require.Equal(t, Present, a.Operator.Mode)
	require.Equal(t, 3, a.count(Controller))
	require.Equal(t, 3, a.count(Broker))
	require.Equal(t, 3, a.ReplicationFactor)
	require.Equal(t, 2, a.MinInSync)
	require.True(t, *a.WaitReady)
	require.Nil(t, a.CruiseControl)
	require.Nil(t, a.Exporter)
	require.Equal(t, k8s.Resources{CPURequest: "500m", CPULimit: "2", Memory: "2Gi"}, a.Pools[1].Resources)
	require.Equal(t, []string{"20Gi", "100Gi"}, []string{a.Pools[0].Storage.Size, a.Pools[1].Storage.Size})
	require.Equal(t, DefaultPartitions, settings.WithDefaults(&Topic{}).Partitions)
	require.Equal(t, &k8s.Resources{CPURequest: "100m", CPULimit: "1", Memory: "1Gi"}, production().withDefaults().CruiseControl)
}

func TestDefaultsOfATopicFollowTheCluster(t *testing.T) {
	for name, tc := range map[string]struct {
		args *Args
		want Topic
	}{
		"production": {
			&Args{Topics: []Topic{{Name: "a"}}},
			Topic{Name: "a", Partitions: 12, Replicas: 3, MinInSync: 2, RetentionHours: 168},
		},
		"one broker": {
			&Args{Topics: []Topic{{Name: "a"}}, Pools: small().Pools},
			Topic{Name: "a", Partitions: 12, Replicas: 1, MinInSync: 1, RetentionHours: 168},
		},
	} {
		require.Equal(t, tc.want, tc.args.withDefaults().Topics[0], name)
	}
}

func TestDefaultsLeaveTheArgumentsAlone(t *testing.T) {
	a := production()
	a.withDefaults()
	require.Equal(t, production(), a)
}

func TestClusterSpec(t *testing.T) {
	spec := clusterSpec("kafka", production().withDefaults())
	cluster := spec["kafka"].(object)
	require.Equal(t, object{"type": "simple"}, cluster["authorization"])
	require.Equal(t, object{"topologyKey": pulumi.String("topology.kubernetes.io/zone")}, cluster["rack"])
	require.Equal(t, object{"maxUnavailable": 1}, cluster["template"].(object)["podDisruptionBudget"])
	require.NotContains(t, cluster, "replicas", "the pools decide")
	require.NotContains(t, cluster, "storage", "the pools decide")
	require.NotContains(t, spec, "zookeeper")
	config := cluster["config"].(object)
	require.Equal(t, false, config["auto.create.topics.enable"])
	require.Equal(t, false, config["unclean.leader.election.enable"])
	require.Equal(t, 3, config["default.replication.factor"])
	require.Equal(t, 2, config["min.insync.replicas"])
	require.Equal(t, "org.apache.kafka.common.replica.RackAwareReplicaSelector", config["replica.selector.class"])
	require.Equal(t, "536870912", config["log.segment.bytes"])
	require.Contains(t, spec, "cruiseControl")
	require.Contains(t, spec, "kafkaExporter")
}

func TestClusterSpecWithoutExtras(t *testing.T) {
	spec := clusterSpec("kafka", small().withDefaults())
	require.NotContains(t, spec, "cruiseControl")
	require.NotContains(t, spec, "kafkaExporter")
	cluster := spec["kafka"].(object)
	require.NotContains(t, cluster, "rack")
	require.NotContains(t, cluster["config"], "replica.selector.class")
	require.Equal(t, list{object{
		"name": "scram", "port": 9093, "type": "internal", "tls": true,
		"authentication":     object{"type": "scram-sha-512"},
		"networkPolicyPeers": list{object{"podSelector": object{}}},
	}}, cluster["listeners"])
}

func TestListenersOfProduction(t *testing.T) {
	all := listeners(production().withDefaults())
	require.Len(t, all, 2)
	require.Equal(t, "mtls", all[1].(object)["name"])
	require.Equal(t, list{
		object{"podSelector": object{"matchLabels": pulumi.StringMap{"app.kubernetes.io/name": pulumi.String("app")}}},
		object{
			"podSelector":       object{"matchLabels": pulumi.StringMap{"app": pulumi.String("job")}},
			"namespaceSelector": object{"matchLabels": pulumi.StringMap{"team": pulumi.String("data")}},
		},
		object{"ipBlock": object{"cidr": pulumi.String("203.0.113.0/24")}},
	}, all[0].(object)["networkPolicyPeers"])
}

func TestPoolSpec(t *testing.T) {
	a := production().withDefaults()
	spec := poolSpec("kafka", a, a.Pools[1])
	require.Equal(t, 3, spec["replicas"])
	require.Equal(t, list{"broker"}, spec["roles"])
	require.Equal(t, object{"type": "jbod", "volumes": list{object{
		"id": 0, "type": "persistent-claim", "size": "100Gi", "deleteClaim": false, "kraftMetadata": "shared",
	}}}, spec["storage"])
	template := spec["template"].(object)
	require.Equal(t, restricted(), template["kafkaContainer"])
	require.Equal(t, restricted(), template["initContainer"])
	constraints := template["pod"].(object)["topologySpreadConstraints"].(list)
	require.Equal(t, "ScheduleAnyway", constraints[1].(object)["whenUnsatisfiable"])
}

func TestPoolSpecFollowsItsValues(t *testing.T) {
	pool := Pool{RequireSpread: true, Storage: Storage{Size: "1Gi", Class: pulumi.String("fast")}}
	spec := poolSpec("kafka", &Args{}, pool)
	constraints := spec["template"].(object)["pod"].(object)["topologySpreadConstraints"].(list)
	require.Equal(t, "DoNotSchedule", constraints[1].(object)["whenUnsatisfiable"])
	require.Equal(t, pulumi.String("fast"), storage(pool.Storage)["volumes"].(list)[0].(object)["class"])
	require.Equal(t, object{"type": "jbod", "volumes": list{object{
		"id": 0, "type": "ephemeral", "sizeLimit": "1Gi", "kraftMetadata": "shared",
	}}}, storage(Storage{Size: "1Gi", Ephemeral: true}))
}

func TestTopicSpec(t *testing.T) {
	topics := production().withDefaults().Topics
	require.Equal(t, object{
		"topicName": "user_events", "partitions": 12, "replicas": 3,
		"config": object{"cleanup.policy": "delete", "min.insync.replicas": 2, "retention.ms": 720 * hour},
	}, topicSpec(topics[0]))
	require.Equal(t, 65536, topicSpec(topics[1])["config"].(object)["max.message.bytes"])
	require.Equal(t, -1, topicSpec(topics[2])["config"].(object)["retention.ms"])
	require.Equal(t, "compact", topicSpec(topics[3])["config"].(object)["cleanup.policy"])
}

func TestUsersMayDoWhatTheyMustAndNoMore(t *testing.T) {
	users := production().withDefaults().Users
	rule := func(kind, name, pattern string, operations ...any) object {
		return object{
			"type": "allow", "host": "*", "operations": list(operations),
			"resource": object{"type": kind, "name": name, "patternType": pattern},
		}
	}
	require.Equal(t, list{
		rule("topic", "user_events", "literal", "Describe", "Write"),
		rule("topic", "product_events", "literal", "Describe", "Write"),
		rule("transactionalId", "relay-", "prefix", "Describe", "Write"),
	}, acls(users[0]))
	require.Equal(t, list{
		rule("topic", "user_events", "literal", "Describe", "Read"),
		rule("group", "email", "literal", "Read"),
		rule("topic", "email_dlq", "literal", "Describe", "Read", "Write"),
		rule("group", "email-replay", "literal", "Read"),
	}, acls(users[1]))
	require.Equal(t, object{"consumerByteRate": 1 << 20}, userSpec(users[1])["quotas"])
	require.NotContains(t, userSpec(users[0]), "quotas")
	require.Equal(t, object{"type": "tls"}, userSpec(users[2])["authentication"])
}

// Who watches a group sees offsets and no message.
func TestAWatcherMayDescribe(t *testing.T) {
	require.Equal(t, list{
		acl("topic", "user_events", "literal", "Describe"),
		acl("group", "email", "literal", "Describe"),
	}, acls(User{Name: "email-lag", DescribeTopics: []string{"user_events"}, DescribeGroups: []string{"email"}}))
}

func TestObjectName(t *testing.T) {
	require.Equal(t, "user-events-email-dead", objectName("User_Events.email.dead"))
}

func TestBrokerLabels(t *testing.T) {
	require.Equal(t, pulumi.StringMap{"strimzi.io/cluster": pulumi.String("kafka"), "strimzi.io/name": pulumi.String("kafka-kafka")}, BrokerLabels("kafka"))
	require.Equal(t, pulumi.StringMap{"strimzi.io/cluster": pulumi.String("kafka")}, clusterLabels("kafka"))
}

// Every pod of the cluster pulls with the same Secret, and none without one.
func TestPullSecret(t *testing.T) {
	pods := func(secret string) (found []any) {
		a := production()
		a.PullSecret, a.Exporter, a.CruiseControl = secret, &k8s.Resources{}, &k8s.Resources{}
		a = a.withDefaults()
		cluster := clusterSpec("kafka", a)
		templates := []any{poolSpec("kafka", a, a.Pools[0])["template"]}
		for _, part := range []string{"entityOperator", "cruiseControl", "kafkaExporter"} {
			templates = append(templates, cluster[part].(object)["template"])
		}
		for _, template := range templates {
			pod, _ := template.(object)["pod"].(object)
			found = append(found, pod["imagePullSecrets"])
		}
		return found
	}
	registry := list{object{"name": "registry"}}
	require.Equal(t, []any{registry, registry, registry, registry}, pods("registry"))
	require.Equal(t, []any{nil, nil, nil, nil}, pods(""))
}
