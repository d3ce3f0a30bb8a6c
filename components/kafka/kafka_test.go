package kafka

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/internal/settings"
)

// production is the default shape with all that can be asked for.
func production() *Args {
	return &Args{
		Namespace: pulumi.String("shop"),
		Operator:  Operator{Mode: Install, KubernetesVersion: "1.33"},
		RackKey:   pulumi.String("topology.kubernetes.io/zone"),
		MutualTLS: true,
		IngressFrom: []k8s.Peer{
			{Pods: pulumi.StringMap{"app.kubernetes.io/name": pulumi.String("app")}},
			{Pods: pulumi.StringMap{"app": pulumi.String("job")}, Namespaces: pulumi.StringMap{"team": pulumi.String("data")}},
			{CIDR: pulumi.String("203.0.113.0/24")},
		},
		Config: map[string]string{"log.segment.bytes": "536870912"},
		Topics: []Topic{
			{Name: "user_events", RetentionHours: 720},
			{Name: "product_events", Partitions: 6, MaxMessageBytes: 65536},
			{Name: "email_dlq", Partitions: 1, RetentionHours: -1},
			{Name: "profiles", Compact: true},
		},
		Users: []User{
			{Name: "relay", Produce: []string{"user_events", "product_events"}, TransactionPrefix: "relay-"},
			{
				Name: "email", Consume: []string{"user_events"}, DeadLetter: "email_dlq",
				Group: "email", MaxConsumers: 12, Quotas: &Quotas{ConsumerByteRate: 1 << 20},
			},
			{Name: "audit", Authentication: Certificate, Consume: []string{"product_events"}, Group: "audit"},
		},
		CruiseControl: &k8s.Resources{},
		Exporter:      &k8s.Resources{},
	}
}

// small is a whole cluster in one node, which no operator has to run.
func small() *Args {
	wait := false
	return &Args{
		Pools: []Pool{{
			Name: "dual", Roles: []Role{Controller, Broker}, Replicas: 1,
			Storage: Storage{Size: "1Gi", Ephemeral: true},
		}},
		Topics:    []Topic{{Name: "user_events", Partitions: 3}},
		Users:     []User{{Name: "relay", Produce: []string{"user_events"}}},
		WaitReady: &wait,
	}
}

func run(t *testing.T, args *Args) *kubetest.Recorder {
	t.Helper()
	return kubetest.Run(t, func(ctx *pulumi.Context) error {
		_, err := New(ctx, "kafka", args)
		return err
	})
}

func TestProductionMakesEveryObject(t *testing.T) {
	r := run(t, production())
	require.Equal(t, []string{
		"Chart ",
		"Kafka kafka",
		"KafkaNodePool brokers",
		"KafkaNodePool controllers",
		"KafkaTopic email-dlq",
		"KafkaTopic product-events",
		"KafkaTopic profiles",
		"KafkaTopic user-events",
		"KafkaUser audit",
		"KafkaUser email",
		"KafkaUser relay",
		"NetworkPolicy kafka",
		"NetworkPolicy kafka-operator",
	}, r.Names())
	r.RequireParented(t, "kafka")
}

func TestSmallIsTheSameCodeWithOtherValues(t *testing.T) {
	r := run(t, small())
	require.Equal(t, []string{
		"Kafka kafka",
		"KafkaNodePool dual",
		"KafkaTopic user-events",
		"KafkaUser relay",
		"NetworkPolicy kafka",
	}, r.Names())
	k := r.Get(t, "Kafka", "kafka")
	for key, want := range map[string]float64{
		"default.replication.factor":               1,
		"min.insync.replicas":                      1,
		"offsets.topic.replication.factor":         1,
		"transaction.state.log.replication.factor": 1,
		"transaction.state.log.min.isr":            1,
	} {
		value, found := kubetest.Value(k, `spec.kafka.config["`+key+`"]`)
		require.True(t, found, key)
		require.Equal(t, want, value.NumberValue(), key)
	}
}

func TestResourcesAreStrimzis(t *testing.T) {
	r := run(t, production())
	k := r.Get(t, "Kafka", "kafka")
	require.Equal(t, "shop", kubetest.Text(k, "metadata.namespace"))
	require.Equal(t, "enabled", kubetest.Text(k, `metadata.annotations["strimzi.io/kraft"]`))
	require.Equal(t, "enabled", kubetest.Text(k, `metadata.annotations["strimzi.io/node-pools"]`))
}

func TestEachObjectWaitsForThoseBefore(t *testing.T) {
	r := run(t, production())
	for object, before := range map[[2]string][]string{
		{"KafkaNodePool", "brokers"}:  {"kafka-operator", "kafka-policy"},
		{"Kafka", "kafka"}:            {"kafka-pool-brokers", "kafka-pool-controllers", "kafka-operator"},
		{"KafkaTopic", "user-events"}: {"kafka-cluster", "kafka-operator"},
		{"KafkaUser", "relay"}:        {"kafka-cluster"},
	} {
		dependencies := strings.Join(r.Get(t, object[0], object[1]).RegisterRPC.GetDependencies(), "\n") + "\n"
		for _, name := range before {
			require.Contains(t, dependencies, "::"+name+"\n", object)
		}
	}
}

func TestWaitReadyIsAnAnnotation(t *testing.T) {
	const path = `metadata.annotations["pulumi.com/waitFor"]`
	waiting, quick := run(t, production()), run(t, small())
	for kind, name := range map[string]string{"Kafka": "kafka", "KafkaTopic": "user-events", "KafkaUser": "relay"} {
		object := waiting.Get(t, kind, name)
		require.Equal(t, "condition=Ready", kubetest.Text(object, path))
		limits := object.RegisterRPC.GetCustomTimeouts()
		require.Equal(t, []string{"15m", "15m", "15m"}, []string{limits.GetCreate(), limits.GetUpdate(), limits.GetDelete()})
		require.Empty(t, kubetest.Text(quick.Get(t, kind, name), path))
	}
	require.Empty(t, kubetest.Text(waiting.Get(t, "KafkaNodePool", "brokers"), path), "a pool is ready only after its Kafka")
}

// A change of a pool alone was reported as done before the operator had looked at it.
func TestAChangeOfAPoolMovesTheResourceThatIsWaitedFor(t *testing.T) {
	checksum := func(edit func(*Args)) string {
		a := production()
		a.Pools = a.withDefaults().Pools
		edit(a)
		k := run(t, a).Get(t, "Kafka", "kafka")
		return kubetest.Text(k, `spec.kafka.template.podSet.metadata.annotations["scalestack/checksum"]`)
	}
	same := checksum(func(*Args) {})
	require.Len(t, same, 64)
	require.Equal(t, same, checksum(func(a *Args) { a.Topics = a.Topics[:3] }), "topics are waited for themselves")
	for name, edit := range map[string]func(*Args){
		"memory":  func(a *Args) { a.Pools[1].Resources.Memory = "4Gi" },
		"size":    func(a *Args) { a.Pools[1].Storage.Size = "200Gi" },
		"class":   func(a *Args) { a.Pools[1].Storage.Class = pulumi.String("fast").ToStringOutput() },
		"nodes":   func(a *Args) { a.Pools[1].Replicas = 4 },
		"spread":  func(a *Args) { a.Pools[0].RequireSpread = true },
		"pool":    func(a *Args) { a.Pools = append(a.Pools, pool(1, Broker)...) },
		"metrics": func(a *Args) { a.Metrics = true },
	} {
		require.NotEqual(t, same, checksum(edit), name)
	}
}

func TestEgressPolicies(t *testing.T) {
	r := run(t, production())
	for name, label := range map[string]string{"kafka": "strimzi.io/cluster", "kafka-operator": "strimzi.io/kind"} {
		p := r.Get(t, "NetworkPolicy", name)
		require.NotEmpty(t, kubetest.Text(p, `spec.podSelector.matchLabels["`+label+`"]`))
		require.Equal(t, "Egress", kubetest.Text(p, "spec.policyTypes[0]"))
		for path, port := range map[string]float64{"[0].ports[0]": 53, "[1].ports[0]": 443, "[1].ports[1]": 6443} {
			value, found := kubetest.Value(p, "spec.egress"+path+".port")
			require.True(t, found, path)
			require.Equal(t, port, value.NumberValue())
		}
		require.Equal(t, "kafka", kubetest.Text(p, `spec.egress[2].to[0].podSelector.matchLabels["strimzi.io/cluster"]`))
		_, found := kubetest.Value(p, "spec.ingress")
		require.False(t, found, "Strimzi writes who may call")
	}
}

func TestOperatorChart(t *testing.T) {
	c := run(t, production()).Get(t, "Chart", "")
	require.Equal(t, "shop", kubetest.Text(c, "namespace"))
	require.Equal(t, "0.44.0", kubetest.Text(c, "version"))
	require.Equal(t, "STRIMZI_KUBERNETES_VERSION", kubetest.Text(c, "values.extraEnvs[0].name"))
	require.Equal(t, "major=1\nminor=33", kubetest.Text(c, "values.extraEnvs[0].value"))
}

// Strimzi 0.44 and older crash on Kubernetes 1.33 and newer unless they are told
// the version, so that no configuration may leave it out.
func TestTheOperatorIsAlwaysToldTheKubernetesVersion(t *testing.T) {
	for version, want := range map[string]string{"": "major=1\nminor=33", "1.29": "major=1\nminor=29"} {
		c := run(t, &Args{Operator: Operator{Mode: Install, KubernetesVersion: version}}).Get(t, "Chart", "")
		require.Equal(t, want, kubetest.Text(c, "values.extraEnvs[0].value"))
	}
}

func TestInputsThatAreKnownLaterReachTheirObjects(t *testing.T) {
	later := func(text string) pulumi.StringInput { return pulumi.String(text).ToStringOutput() }
	a := production()
	a.RackKey = later("topology.kubernetes.io/zone")
	a.IngressFrom = []k8s.Peer{{Pods: pulumi.StringMap{"app": later("job")}}}
	a.Pools = a.withDefaults().Pools
	a.Pools[1].Storage.Class = later("fast")
	r := run(t, a)
	k := r.Get(t, "Kafka", "kafka")
	require.Equal(t, "topology.kubernetes.io/zone", kubetest.Text(k, "spec.kafka.rack.topologyKey"))
	require.Equal(t, "job", kubetest.Text(k, "spec.kafka.listeners[0].networkPolicyPeers[0].podSelector.matchLabels.app"))
	require.Equal(t, "fast", kubetest.Text(r.Get(t, "KafkaNodePool", "brokers"), "spec.storage.volumes[0].class"))
}

func TestOutputs(t *testing.T) {
	got := map[string]string{}
	var users map[string]string
	kubetest.Run(t, func(ctx *pulumi.Context) error {
		k, err := New(ctx, "kafka", production())
		if err != nil {
			return err
		}
		pulumi.All(k.Bootstrap, k.BootstrapMTLS, k.CASecret, k.UserSecrets).ApplyT(func(all []any) error {
			got["bootstrap"], got["mtls"], got["ca"] = all[0].(string), all[1].(string), all[2].(string)
			users = all[3].(map[string]string)
			return nil
		})
		return nil
	})
	require.Equal(t, map[string]string{
		"bootstrap": "kafka-kafka-bootstrap.shop.svc:9093",
		"mtls":      "kafka-kafka-bootstrap.shop.svc:9094",
		"ca":        "kafka-cluster-ca-cert",
	}, got)
	require.Equal(t, map[string]string{"relay": "kafka-user-relay", "email": "kafka-user-email", "audit": "kafka-user-audit"}, users)
}

func TestNewRefusesBeforeAnythingIsRegistered(t *testing.T) {
	for name, want := range map[string]string{
		"Kafka":                 `name: Invalid value: "Kafka": must be lower-case letters`,
		strings.Repeat("k", 48): "must have at most 47 characters",
		"kafka":                 "replicationFactor: Invalid value: 9: must be between 1 and the number of brokers, 3",
	} {
		r := &kubetest.Recorder{}
		err := pulumi.RunErr(func(ctx *pulumi.Context) error {
			_, err := New(ctx, name, &Args{ReplicationFactor: 9})
			return err
		}, pulumi.WithMocks("scalestack", "test", r))
		require.ErrorContains(t, err, want)
		require.Empty(t, r.Names())
	}
}

// A Secret has the name of its user, behind a prefix that no other object has.
func TestNoUserTakesAnotherObjectsSecret(t *testing.T) {
	k := run(t, production()).Get(t, "Kafka", "kafka")
	require.Equal(t, "kafka-user-", kubetest.Text(k, "spec.entityOperator.userOperator.secretPrefix"))
}

// With finalizers a destroy, or the deletion of the namespace, waits for ever for an
// entity operator that is away.
func TestTopicsNeedNoOperatorToGo(t *testing.T) {
	k := run(t, production()).Get(t, "Kafka", "kafka")
	const env = "spec.entityOperator.template.topicOperatorContainer.env[0]."
	require.Equal(t, "STRIMZI_USE_FINALIZERS", kubetest.Text(k, env+"name"))
	require.Equal(t, "false", kubetest.Text(k, env+"value"))
}

func TestNodesMustHaveNames(t *testing.T) {
	for pool, want := range map[string]string{
		strings.Repeat("p", 55): "",
		strings.Repeat("p", 56): "must have at most 55 characters, since its nodes are called kafka-<pool>-0",
		"users":                 "",
		"user":                  "must not begin with user",
		"user-a":                "must not begin with user",
	} {
		a := small()
		a.Pools[0].Name = pool
		err := settings.Err(a.withDefaults().CheckNodes(nil, "kafka"))
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, "pools[0].name: Invalid value: ")
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, pulumi.RunErr(func(ctx *pulumi.Context) error {
			_, err := New(ctx, "kafka", a)
			return err
		}, pulumi.WithMocks("scalestack", "test", &kubetest.Recorder{})), want)
	}
}

func TestNilIsAClusterWithoutTopics(t *testing.T) {
	require.Equal(t, []string{
		"Kafka kafka", "KafkaNodePool brokers", "KafkaNodePool controllers", "NetworkPolicy kafka",
	}, run(t, nil).Names())
}
