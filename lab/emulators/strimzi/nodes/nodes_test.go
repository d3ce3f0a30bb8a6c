package nodes

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	c := &Cluster{Kafka: in.Kafka, ID: "hPcvY250SeCIqBWfgG3QOQ", Image: "scalestack/kafka:3.7.1", ExporterImage: "scalestack/kafka-exporter:lab", Operator: "10.244.0.1/32"}
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
			first := c.Configs(c.Pools[i])[0]
			require.Equal(t, string(want), first.Data["server.config"], "%s %s", file, pool)
			require.Equal(t, "kafka-"+pool+"-"+strconv.Itoa(int(c.Pools[i].IDs[0])), first.Name)
			require.Equal(t, "hPcvY250SeCIqBWfgG3QOQ", first.Data["cluster.id"])
			require.Equal(t, "3.7-IV4", first.Data["metadata.version"])
		}
	}
}

func TestUserConfigCannotReplaceWhatTheOperatorDecides(t *testing.T) {
	c := load(t, "dev")
	c.Spec.Kafka.Config["super.users"] = "User:eve"
	c.Spec.Kafka.Config["num.partitions"] = "3"
	text := c.serverConfig(c.Pools[0], 0)
	require.NotContains(t, text, "eve")
	require.Contains(t, text, "num.partitions=3\n")
}

// The namespace of the stack refuses every pod that is not restricted.
func TestPodsAreRestricted(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks())
	require.NoError(t, err)
	level := podsecurity.LevelVersion{Level: podsecurity.LevelRestricted, Version: podsecurity.LatestVersion()}
	check := func(meta metav1.ObjectMeta, spec corev1.PodSpec) {
		for _, check := range evaluator.EvaluatePod(level, &meta, &spec) {
			require.True(t, check.Allowed, "%s: %s: %s", meta.Name, check.ForbiddenReason, check.ForbiddenDetail)
		}
		require.False(t, *spec.AutomountServiceAccountToken)
		for _, container := range spec.Containers {
			require.True(t, *container.SecurityContext.ReadOnlyRootFilesystem)
			require.NotZero(t, container.Resources.Requests.Cpu().MilliValue())
		}
	}
	for _, file := range []string{"dev", "prod"} {
		c := load(t, file)
		for _, p := range c.Pools {
			for _, pod := range c.PodSet(p, Trust{}).Spec.Pods {
				check(pod.ObjectMeta, pod.Spec)
			}
		}
		check(metav1.ObjectMeta{Name: "entity operator"}, c.entityDeployment().Spec.Template.Spec)
		c.Spec.KafkaExporter = exporterSpec(t)
		check(metav1.ObjectMeta{Name: "exporter"}, c.exporterDeployment(Trust{}).Spec.Template.Spec)
	}
}

func TestPodsAreThoseOfAStrimziPodSet(t *testing.T) {
	c := load(t, "prod")
	set := c.PodSet(c.Pools[1], Trust{})
	require.Equal(t, "kafka-brokers", set.Name)
	require.Equal(t, "KafkaNodePool brokers", set.OwnerReferences[0].Kind+" "+set.OwnerReferences[0].Name)
	require.Len(t, set.Spec.Pods, 3)
	pod := set.Spec.Pods[0]
	require.Equal(t, "kafka-brokers-3", pod.Name, "controllers have 0 to 2")
	require.Equal(t, "kafka-brokers-3", pod.Spec.Hostname)
	require.Equal(t, "kafka-kafka-brokers", pod.Spec.Subdomain)
	require.Equal(t, "kafka-kafka", pod.Spec.ServiceAccountName)
	require.Equal(t, "kafka-kafka", c.ServiceAccount().Name)
	require.Equal(t, map[string]string{
		"strimzi.io/cluster": "kafka", "strimzi.io/kind": "Kafka", "strimzi.io/name": "kafka-kafka", "strimzi.io/pool-name": "brokers",
		"strimzi.io/broker-role": "true", "strimzi.io/controller-role": "false", "strimzi.io/controller": "strimzipodset",
		"strimzi.io/controller-name": "kafka-brokers", "strimzi.io/pod-name": "kafka-brokers-3",
	}, pod.Labels)
	require.Len(t, pod.Spec.TopologySpreadConstraints, 2)
	require.EqualValues(t, 120, *pod.Spec.TerminationGracePeriodSeconds)
	require.EqualValues(t, 8443, pod.Spec.Containers[0].Ports[0].ContainerPort)
}

func TestClaims(t *testing.T) {
	c := load(t, "prod")
	claims := c.Claims(c.Pools[1])
	require.Len(t, claims, 3)
	require.Equal(t, "data-0-kafka-brokers-3", claims[0].Name)
	require.Equal(t, "500Gi", claims[0].Spec.Resources.Requests.Storage().String())
	require.Empty(t, claims[0].OwnerReferences, "kept without its pool")
	require.Equal(t, "false", claims[0].Annotations["strimzi.io/delete-claim"])

	p := c.Pools[1]
	p.Spec.Storage = api.Storage{Type: "persistent-claim", Volume: api.Volume{Size: "1Gi", Class: "ssd", DeleteClaim: true}}
	claim := c.Claims(p)[0]
	require.Equal(t, "data-kafka-brokers-3", claim.Name)
	require.Equal(t, "ssd", *claim.Spec.StorageClassName)
	require.Equal(t, "KafkaNodePool", claim.OwnerReferences[0].Kind)
	require.Contains(t, c.serverConfig(p, 3), "log.dirs=/var/lib/kafka/data/kafka-log3\n")

	p.Spec.Storage = api.Storage{Type: "jbod", Volumes: []api.Volume{{Type: "ephemeral", SizeLimit: "1Gi"}}}
	require.Empty(t, c.Claims(p))
	volumes := c.PodSet(p, Trust{}).Spec.Pods[0].Spec.Volumes
	require.Equal(t, "1Gi", volumes[len(volumes)-1].EmptyDir.SizeLimit.String())
}

// Kafka 3.7 with metadata 3.7-IV2 or newer takes several.
func TestSeveralVolumes(t *testing.T) {
	c := load(t, "dev")
	c.Pools[0].Spec.Storage.Volumes = []api.Volume{
		{ID: 1, Type: "persistent-claim", Size: "1Gi", KraftMetadata: "shared"}, {ID: 0, Type: "persistent-claim", Size: "1Gi"},
	}
	text := c.serverConfig(c.Pools[0], 0)
	require.Contains(t, text, "log.dirs=/var/lib/kafka/data-0/kafka-log0,/var/lib/kafka/data-1/kafka-log0\n")
	require.Contains(t, text, "metadata.log.dir=/var/lib/kafka/data-1/kafka-log0\n")
	require.Len(t, c.Claims(c.Pools[0]), 2)
}

func TestHeapIsHalfOfTheMemory(t *testing.T) {
	for file, want := range map[string]string{"dev": "-Xms512m -Xmx512m", "prod": "-Xms1024m -Xmx1024m"} {
		c := load(t, file)
		require.Equal(t, want, environment(c.container(c.Pools[0]))["KAFKA_JVM_OPTIONS"])
	}
	c := load(t, "prod")
	c.Pools[1].Spec.Resources.Limits[corev1.ResourceMemory] = resource.MustParse("64Gi")
	require.Equal(t, "-Xms5120m -Xmx5120m", heap(c.Pools[1]))
	c.Pools[1].Spec.Resources = nil
	require.Equal(t, "-Xms128m", heap(c.Pools[1]))
}

// A node restarts for other settings, authorities or a new certificate of its own, and not for a neighbour.
func TestWhatRestartsANode(t *testing.T) {
	c := load(t, "prod")
	trust := Trust{Certificates: map[string][]byte{"kafka-brokers-3": []byte("a")}}
	revision := func(t Trust) string { return c.PodSet(c.Pools[1], t).Spec.Pods[0].Annotations["strimzi.io/revision"] }
	before := revision(trust)
	c.Pools[1].IDs = append(c.Pools[1].IDs, 6)
	trust.Certificates["kafka-brokers-6"] = []byte("b")
	require.Equal(t, before, revision(trust), "the pool grew")
	for what, other := range map[string]Trust{
		"authority's key":      {CAKey: 1, Certificates: trust.Certificates},
		"authority":            {CACert: 1, Certificates: trust.Certificates},
		"authority of clients": {ClientsCACert: 1, Certificates: trust.Certificates},
		"certificate":          {Certificates: map[string][]byte{"kafka-brokers-3": []byte("new")}},
	} {
		require.NotEqual(t, before, revision(other), what)
	}
	c.Spec.Kafka.Config["num.partitions"] = "3"
	require.NotEqual(t, before, revision(trust))
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
	var ports []int32
	for _, port := range brokers.Spec.Ports {
		ports = append(ports, port.Port)
	}
	require.Equal(t, []int32{9090, 9091, 8443, 9093}, ports)
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
	require.Equal(t, map[int]int{9090: 1, 9091: 5, 8443: 1, 9093: 1}, ports)
}

func TestDisruptionBudget(t *testing.T) {
	for file, want := range map[string]int32{"dev": 0, "prod": 5} {
		c := load(t, file)
		require.Equal(t, intstr.FromInt32(want), *c.DisruptionBudget().Spec.MinAvailable)
		require.Nil(t, c.DisruptionBudget().Spec.MaxUnavailable)
		c.Spec.Kafka.Template = nil
		require.Equal(t, intstr.FromInt32(want), *c.DisruptionBudget().Spec.MinAvailable, "one may be away by default")
	}
}

func TestMetrics(t *testing.T) {
	c := load(t, "dev")
	c.Metrics = `{"rules":[]}`
	require.Equal(t, `{"rules":[]}`, c.Configs(c.Pools[0])[0].Data["metrics-config.json"])
	container := c.container(c.Pools[0])
	require.Equal(t, "true", environment(container)["KAFKA_METRICS_ENABLED"])
	require.Equal(t, "tcp-prometheus 9404", fmt.Sprint(container.Ports[4].Name, " ", container.Ports[4].ContainerPort))
	rules := c.NetworkPolicy().Spec.Ingress
	require.Equal(t, 9404, rules[len(rules)-1].Ports[0].Port.IntValue())
	require.Empty(t, rules[len(rules)-1].From, "metrics are for everybody, as in Strimzi")
}

func TestEntityOperator(t *testing.T) {
	c := load(t, "dev")
	var names []string
	for _, object := range c.Entity() {
		names = append(names, fmt.Sprintf("%T %s", object, object.GetName()))
	}
	require.Equal(t, []string{
		"*v1.ServiceAccount kafka-entity-operator", "*v1.Role kafka-entity-operator",
		"*v1.RoleBinding kafka-entity-topic-operator-role", "*v1.RoleBinding kafka-entity-user-operator-role",
		"*v1.NetworkPolicy kafka-entity-operator", "*v1.Deployment kafka-entity-operator",
	}, names)
	c.Spec.EntityOperator.UserOperator = nil
	require.Equal(t, []string{"topic-operator"}, c.Operators())
	c.Spec.EntityOperator = nil
	require.Empty(t, c.Entity())
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

// Strimzi drops these without a word; an exception counts only in full.
func TestForbiddenSettings(t *testing.T) {
	for _, name := range []string{"listeners", "ssl.keystore.location", "SSL.keystore.location", "port", "ssl.protocols", "controller.quorum.voters"} {
		require.True(t, forbidden(name), name)
	}
	for _, name := range []string{"ssl.protocol", "controller.quorum.fetch.timeout.ms", "log.retention.ms", "num.io.threads"} {
		require.False(t, forbidden(name), name)
	}
}
