package nodes

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	podsecurity "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
)

// load reads the resources as components/kafka makes them.
func load(t *testing.T, file string) *Cluster {
	t.Helper()
	var in struct {
		Kafka *api.Kafka           `json:"kafka"`
		Pools []*api.KafkaNodePool `json:"pools"`
	}
	body, err := os.ReadFile("testdata/" + file + ".json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(body, &in))
	c := &Cluster{Kafka: in.Kafka, Image: "scalestack/kafka:3.7.1", Operator: "10.244.0.1/32"}
	next := int32(0)
	for _, pool := range in.Pools {
		p := Pool{KafkaNodePool: pool}
		for range pool.Spec.Replicas {
			p.IDs = append(p.IDs, next)
			next++
		}
		c.Pools = append(c.Pools, p)
	}
	return c
}

// The files are the settings that a node starts with; review them as text.
func TestServerConfig(t *testing.T) {
	for file, pools := range map[string][]string{"dev": {"dual"}, "prod": {"controllers", "brokers"}} {
		c := load(t, file)
		for i, pool := range pools {
			want, err := os.ReadFile("testdata/" + file + "-" + pool + ".properties")
			require.NoError(t, err)
			require.Equal(t, string(want), c.Config(c.Pools[i]).Data["server.config"], "%s %s", file, pool)
		}
	}
}

func TestUserConfigCannotReplaceWhatTheOperatorDecides(t *testing.T) {
	c := load(t, "dev")
	c.Spec.Kafka.Config["super.users"] = "User:eve"
	c.Spec.Kafka.Config["num.partitions"] = "3"
	text := c.serverConfig(c.Pools[0])
	require.NotContains(t, text, "eve")
	require.Contains(t, text, "num.partitions=3\n")
}

// The namespace of the stack refuses every pod that is not restricted.
func TestPodsAreRestricted(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks())
	require.NoError(t, err)
	for _, file := range []string{"dev", "prod"} {
		c := load(t, file)
		for _, p := range c.Pools {
			pod := c.StatefulSet(p, nil).Spec.Template
			level := podsecurity.LevelVersion{Level: podsecurity.LevelRestricted, Version: podsecurity.LatestVersion()}
			for _, check := range evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec) {
				require.True(t, check.Allowed, "%s %s: %s: %s", file, p.Name, check.ForbiddenReason, check.ForbiddenDetail)
			}
			require.False(t, *pod.Spec.AutomountServiceAccountToken)
			container := pod.Spec.Containers[0]
			require.True(t, *container.SecurityContext.ReadOnlyRootFilesystem)
			require.NotZero(t, container.Resources.Requests.Cpu().MilliValue())
		}
	}
}

func TestNodesAreStrimzis(t *testing.T) {
	c := load(t, "prod")
	brokers := c.StatefulSet(c.Pools[1], nil)
	require.Equal(t, "kafka-brokers", brokers.Name)
	require.EqualValues(t, 3, brokers.Spec.Ordinals.Start, "controllers have 0 to 2")
	require.EqualValues(t, 3, *brokers.Spec.Replicas)
	require.Equal(t, "kafka-kafka-brokers", brokers.Spec.ServiceName)
	labels := brokers.Spec.Template.Labels
	require.Equal(t, "kafka", labels["strimzi.io/cluster"])
	require.Equal(t, "kafka-kafka", labels["strimzi.io/name"])
	require.Equal(t, "Kafka", labels["strimzi.io/kind"])
	require.Equal(t, EmulatorText, brokers.Annotations[Emulator])

	// The claim of pod kafka-brokers-3 becomes data-0-kafka-brokers-3.
	claim := brokers.Spec.VolumeClaimTemplates[0]
	require.Equal(t, "data-0", claim.Name)
	require.Equal(t, "500Gi", claim.Spec.Resources.Requests.Storage().String())
	require.EqualValues(t, "Retain", brokers.Spec.PersistentVolumeClaimRetentionPolicy.WhenDeleted)
	require.Len(t, brokers.Spec.Template.Spec.TopologySpreadConstraints, 2)
	require.EqualValues(t, 120, *brokers.Spec.Template.Spec.TerminationGracePeriodSeconds)
}

func TestDisks(t *testing.T) {
	c := load(t, "dev")
	p := c.Pools[0]
	p.Spec.Storage = api.Storage{Type: "persistent-claim", Volume: api.Volume{Size: "1Gi", Class: "ssd", DeleteClaim: true}}
	set := c.StatefulSet(p, nil)
	require.Equal(t, "ssd", *set.Spec.VolumeClaimTemplates[0].Spec.StorageClassName)
	require.EqualValues(t, "Delete", set.Spec.PersistentVolumeClaimRetentionPolicy.WhenDeleted)

	p.Spec.Storage = api.Storage{Type: "jbod", Volumes: []api.Volume{{Type: "ephemeral", SizeLimit: "1Gi"}}}
	set = c.StatefulSet(p, nil)
	require.Empty(t, set.Spec.VolumeClaimTemplates)
	volumes := set.Spec.Template.Spec.Volumes
	require.Equal(t, "1Gi", volumes[len(volumes)-1].EmptyDir.SizeLimit.String())
}

func TestHeapIsHalfOfTheMemory(t *testing.T) {
	for file, want := range map[string]string{"dev": "-Xms512m -Xmx512m", "prod": "-Xms1024m -Xmx1024m"} {
		c := load(t, file)
		require.Equal(t, want, environment(c.StatefulSet(c.Pools[0], nil).Spec.Template.Spec.Containers[0])["KAFKA_JVM_OPTIONS"])
	}
	c := load(t, "prod")
	c.Pools[1].Spec.Resources.Limits[corev1.ResourceMemory] = resource.MustParse("64Gi")
	require.Equal(t, "-Xms5120m -Xmx5120m", heap(c.Pools[1]))
	c.Pools[1].Spec.Resources = nil
	require.Equal(t, "-Xms128m", heap(c.Pools[1]))
}

// A node restarts for other settings or authorities, and not for a neighbour.
func TestWhatRestartsANode(t *testing.T) {
	c := load(t, "prod")
	template := func(authority string) corev1.PodTemplateSpec {
		return c.StatefulSet(c.Pools[1], map[string][]byte{c.CASecret(): []byte(authority)}).Spec.Template
	}
	before := template("a")
	c.Pools[1].IDs = append(c.Pools[1].IDs, 6)
	require.Equal(t, before, template("a"), "the pool grew")
	require.NotEqual(t, before, template("b"))
	c.Spec.Kafka.Config["num.partitions"] = "3"
	require.NotEqual(t, before, template("a"))
}

func TestClusterIDIsAsKafkaWantsIt(t *testing.T) {
	k := &api.Kafka{}
	k.UID = "84f72f63-6e74-49e0-88a8-159f806dd039"
	require.Equal(t, "hPcvY250SeCIqBWfgG3QOQ", ClusterID(k))
	k.UID = "not a UUID"
	require.Len(t, ClusterID(k), 22)
}

func TestServices(t *testing.T) {
	services := load(t, "dev").Services()
	bootstrap, brokers := services[0], services[1]
	require.Equal(t, "kafka-kafka-bootstrap", bootstrap.Name)
	require.Equal(t, "true", bootstrap.Spec.Selector["strimzi.io/broker-role"])
	require.Equal(t, "kafka-kafka-brokers", brokers.Name)
	require.Equal(t, corev1.ClusterIPNone, brokers.Spec.ClusterIP)
	require.True(t, brokers.Spec.PublishNotReadyAddresses, "nodes find each other before they are ready")
	require.EqualValues(t, 9093, bootstrap.Spec.Ports[1].Port)
}

func TestNetworkPolicy(t *testing.T) {
	c := load(t, "dev")
	policy := c.NetworkPolicy().Spec
	require.Equal(t, c.labels(), policy.PodSelector.MatchLabels)
	ports := map[int]int{}
	for _, rule := range policy.Ingress {
		require.NotEmpty(t, rule.From, "port %s is open to everybody", rule.Ports[0].Port)
		ports[rule.Ports[0].Port.IntValue()] = len(rule.From)
	}
	require.Equal(t, map[int]int{9090: 1, 9091: 2, 9093: 1}, ports)
}

func TestDisruptionBudget(t *testing.T) {
	c := load(t, "dev")
	require.Equal(t, intstr.FromInt32(1), *c.DisruptionBudget().Spec.MaxUnavailable)
	c.Spec.Kafka.Template = nil
	require.Equal(t, intstr.FromInt32(1), *c.DisruptionBudget().Spec.MaxUnavailable)
}

func TestHostsAndListeners(t *testing.T) {
	c := load(t, "prod")
	require.Equal(t, []string{
		"kafka-brokers-3.kafka-kafka-brokers.shop.svc:9091", "kafka-brokers-4.kafka-kafka-brokers.shop.svc:9091",
		"kafka-brokers-5.kafka-kafka-brokers.shop.svc:9091",
	}, c.ReplicationHosts())
	for _, host := range []string{"kafka-kafka-bootstrap.shop.svc", "kafka-brokers-3.kafka-kafka-brokers.shop.svc.cluster.local"} {
		require.Contains(t, c.Hosts("kafka-brokers-3"), host)
	}
	listeners := c.Listeners("CA")
	require.Equal(t, "kafka-kafka-bootstrap.shop.svc:9093", listeners[0].BootstrapServers)
	require.Equal(t, []string{"CA"}, listeners[0].Certificates)
}

func environment(c corev1.Container) map[string]string {
	all := map[string]string{}
	for _, e := range c.Env {
		all[e.Name] = e.Value
	}
	return all
}
