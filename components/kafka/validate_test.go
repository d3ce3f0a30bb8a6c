package kafka

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/k8s"
)

func TestValidateAcceptsTheSmallestAndTheFullest(t *testing.T) {
	var none *Args
	require.NoError(t, none.Validate())
	require.NoError(t, small().Validate())
	require.NoError(t, production().Validate())
}

// requireMistakes breaks the full arguments in one way each, and wants one line.
func requireMistakes(t *testing.T, cases map[string]func(*Args)) {
	t.Helper()
	for want, spoil := range cases {
		t.Run(want, func(t *testing.T) {
			a := production()
			spoil(a)
			err := a.Validate()
			require.ErrorContains(t, err, want)
			require.Len(t, strings.Split(err.Error(), "\n"), 1, "one mistake, one message")
		})
	}
}

func TestValidateNamesEachMistakeOfTheCluster(t *testing.T) {
	requireMistakes(t, map[string]func(*Args){
		`operator.mode: Unsupported value: "maybe": supported values: "present", "install"`:   func(a *Args) { a.Operator.Mode = "maybe" },
		`operator.kubernetesVersion: Invalid value: "v1.33": must be a version such as 1.33`:  func(a *Args) { a.Operator.KubernetesVersion = "v1.33" },
		`rackKey: Invalid value: "a b": must be a label key such as`:                          func(a *Args) { a.RackKey = pulumi.String("a b") },
		`replicationFactor: Invalid value: 4: must be between 1 and the number of brokers, 3`: func(a *Args) { a.ReplicationFactor, a.Topics, a.Users = 4, nil, nil },
		`replicationFactor: Invalid value: -1: must be between 1 and 100`:                     func(a *Args) { a.ReplicationFactor, a.Topics, a.Users = -1, nil, nil },
		`minInSync: Invalid value: 3: must be below the 3 replicas`:                           func(a *Args) { a.MinInSync = 3 },
		`minInSync: Invalid value: 2: must be 1 with a single replica`:                        func(a *Args) { a.ReplicationFactor, a.MinInSync = 1, 2 },
		`config[min.insync.replicas]: Forbidden: is decided by another setting`:               func(a *Args) { a.Config["min.insync.replicas"] = "1" },
		`config[Min.Insync.Replicas]: Forbidden: is decided by another setting`:               func(a *Args) { a.Config["Min.Insync.Replicas"] = "1" },
		`config[log.retention.bytes ]: Invalid value: "log.retention.bytes ": must consist of letters, digits, '.', '_' and '-': Kafka would ignore it`: func(a *Args) {
			a.Config["log.retention.bytes "] = "1"
		},
		`config[inter.broker.protocol.version]: Forbidden: is ignored without ZooKeeper`:        func(a *Args) { a.Config["inter.broker.protocol.version"] = "3.7" },
		`config[log.retention.ms]: Invalid value: "a week": must be an integer`:                 func(a *Args) { a.Config["log.retention.ms"] = "a week" },
		`config[num.io.threads]: Invalid value: "8.5": must be an integer`:                      func(a *Args) { a.Config["num.io.threads"] = "8.5" },
		`config[auto.leader.rebalance.enable]: Invalid value: "yes": must be true or false`:     func(a *Args) { a.Config["auto.leader.rebalance.enable"] = "yes" },
		`topics[4].name: Invalid value: "strimzi.cruisecontrol.metrics": must not begin with`:   func(a *Args) { a.Topics = append(a.Topics, Topic{Name: "strimzi.cruisecontrol.metrics"}) },
		`config[advertised.listeners]: Forbidden: is decided by Strimzi, which would ignore it`: func(a *Args) { a.Config["advertised.listeners"] = "x" },
		`cruiseControl: Forbidden: needs at least 2 brokers; there is 1`:                        func(a *Args) { a.Pools, a.Topics, a.Users = small().Pools, nil, nil },
		`ingressFrom[0]: Required value: one of pods, namespaces and cidr`:                      func(a *Args) { a.IngressFrom[0] = k8s.Peer{} },
		`entityOperator.memory: Invalid value: "lots": must be a quantity`:                      func(a *Args) { a.EntityOperator.Memory = "lots" },
		`cruiseControl.memory: Invalid value: "lots": must be a quantity`:                       func(a *Args) { a.CruiseControl.Memory = "lots" },
		`exporter.cpuRequest: Invalid value: "lots": must be a quantity`:                        func(a *Args) { a.Exporter.CPURequest = "lots" },
		`readyMinutes: Invalid value: 500: must be between 1 and 120`:                           func(a *Args) { a.ReadyMinutes = 500 },
	})
}

func TestValidateNamesEachMistakeOfAPool(t *testing.T) {
	more := func(a *Args, more ...Pool) { a.Pools = append(a.withDefaults().Pools, more...) }
	requireMistakes(t, map[string]func(*Args){
		`pools: Invalid value: 2: must have 1, 3 or 5 controllers`: func(a *Args) {
			a.Pools, a.CruiseControl = pool(2, Controller, Broker), nil
			a.Topics, a.Users = nil, nil
		},
		`pools: Invalid value: 0: must have a broker`:                                             func(a *Args) { a.Pools, a.CruiseControl = pool(3, Controller), nil },
		`pools[2].replicas: Invalid value: -1: must be between 1 and 100`:                         func(a *Args) { more(a, pool(-1, Broker)...) },
		`pools[2].roles: Required value`:                                                          func(a *Args) { more(a, pool(1)...) },
		`pools[2].roles[0]: Unsupported value: "voter": supported values: "controller", "broker"`: func(a *Args) { more(a, pool(1, "voter")...) },
		`pools[2].roles[1]: Duplicate value: "broker"`:                                            func(a *Args) { more(a, pool(1, Broker, Broker)...) },
		`pools[1].name: Duplicate value: "controllers"`:                                           func(a *Args) { more(a); a.Pools[1].Name = "controllers" },
		`pools[0].name: Invalid value: "Brokers": must be a DNS label`:                            func(a *Args) { more(a); a.Pools[0].Name = "Brokers" },
		`pools[1].storage.size: Invalid value: "huge": must be a quantity`:                        func(a *Args) { more(a); a.Pools[1].Storage.Size = "huge" },
		`pools[1].resources.cpuLimit: Invalid value: "100m": must be at least cpuRequest 500m`:    func(a *Args) { more(a); a.Pools[1].Resources.CPULimit = "100m" },
	})
}

func TestValidateNamesEachMistakeOfATopic(t *testing.T) {
	requireMistakes(t, map[string]func(*Args){
		`topics[3].name: Required value`:                                                       func(a *Args) { a.Topics[3].Name = "" },
		`topics[3].name: Invalid value: "a b": must be 1 to 249 letters, digits`:               func(a *Args) { a.Topics[3].Name = "a b" },
		`topics[3].name: Invalid value: "..": must be 1 to 249 letters, digits`:                func(a *Args) { a.Topics[3].Name = ".." },
		`topics[3].name: Invalid value: "_x": must begin and end with a letter or digit`:       func(a *Args) { a.Topics[3].Name = "_x" },
		`topics[3].name: Invalid value: "user.events": is too like topic "user_events"`:        func(a *Args) { a.Topics[3].Name = "user.events" },
		`topics[3].partitions: Invalid value: -1: must be between 1 and 1000`:                  func(a *Args) { a.Topics[3].Partitions = -1 },
		`topics[3].replicas: Invalid value: 5: must be between 1 and the number of brokers, 3`: func(a *Args) { a.Topics[3].Replicas = 5 },
		`topics[3].minInSync: Invalid value: 2: must be below the 2 replicas`:                  func(a *Args) { a.Topics[3].Replicas, a.Topics[3].MinInSync = 2, 2 },
		`topics[3].retentionHours: Invalid value: -2: must be between -1 and 87600`:            func(a *Args) { a.Topics[3].RetentionHours = -2 },
		`topics[3].maxMessageBytes: Invalid value: 5: must be between 1024 and 104857600`:      func(a *Args) { a.Topics[3].MaxMessageBytes = 5 },
	})
}

func TestValidateNamesEachMistakeOfAUser(t *testing.T) {
	requireMistakes(t, map[string]func(*Args){
		`users[0].name: Invalid value: "relay_1": must be a DNS label`:                                         func(a *Args) { a.Users[0].Name = "relay_1" },
		`users[1].name: Duplicate value: "relay"`:                                                              func(a *Args) { a.Users[1].Name = "relay" },
		`users[0].authentication: Unsupported value: "plain": supported values: "scram-sha-512", "tls"`:        func(a *Args) { a.Users[0].Authentication = "plain" },
		`users[2].authentication: Invalid value: "tls": needs mutualTLS`:                                       func(a *Args) { a.MutualTLS = false },
		`users[0]: Required value: one of produce, consume, describeTopics and describeGroups`:                 func(a *Args) { a.Users[0].Produce = nil },
		`users[0].produce[1]: Invalid value: "orders": must be one of the topics`:                              func(a *Args) { a.Users[0].Produce[1] = "orders" },
		`users[0].produce[1]: Duplicate value: "user_events"`:                                                  func(a *Args) { a.Users[0].Produce[1] = "user_events" },
		`users[1].consume[0]: Invalid value: "orders": must be one of the topics`:                              func(a *Args) { a.Users[1].Consume[0] = "orders" },
		`users[1].group: Required value: with consume`:                                                         func(a *Args) { a.Users[1].Group = "" },
		`users[0].group: Invalid value: "g": must be left out without consume`:                                 func(a *Args) { a.Users[0].Group = "g" },
		`users[1].maxConsumers: Invalid value: 13: makes 13 consumers of group email, above the 12 partitions`: func(a *Args) { a.Users[1].MaxConsumers = 13 },
		`users[1].deadLetter: Invalid value: "nowhere": must be one of the topics`:                             func(a *Args) { a.Users[1].DeadLetter = "nowhere" },
		`users[0].deadLetter: Invalid value: "email_dlq": must be left out without consume`:                    func(a *Args) { a.Users[0].DeadLetter = "email_dlq" },
		`users[1].deadLetter: Invalid value: "user_events": must not be one of consume and produce`:            func(a *Args) { a.Users[1].DeadLetter = "user_events" },
		`users[2].maxConsumers: Invalid value: -1: must be between 0 and 1000`:                                 func(a *Args) { a.Users[2].MaxConsumers = -1 },
		`users[1].quotas.producerByteRate: Invalid value: -1: must be between 0 and`:                           func(a *Args) { a.Users[1].Quotas.ProducerByteRate = -1 },
		`users[1].quotas.requestPercentage: Invalid value: -1: must be between 0 and 10000`:                    func(a *Args) { a.Users[1].Quotas.RequestPercentage = -1 },
	})
}

func TestStrimzisOwnSettings(t *testing.T) {
	for _, key := range []string{"listeners", "ssl.keystore.location", "node.id", "log.dirs", "controller.quorum.voters"} {
		require.True(t, forbidden(key), key)
	}
	for _, key := range []string{"SSL.keystore.location", "ssl.protocols", "sasl.server.max.receive.size.x"} {
		require.True(t, forbidden(key), key)
	}
	for _, key := range []string{"log.segment.bytes", "ssl.cipher.suites", "num.network.threads", "controller.quorum.fetch.timeout.ms"} {
		require.False(t, forbidden(key), key)
	}
}

func TestValidateAddsUpTheConsumersOfAGroup(t *testing.T) {
	a := production()
	a.Users = append(a.Users, User{Name: "email-2", Consume: []string{"user_events"}, Group: "email", MaxConsumers: 1})
	require.EqualError(t, a.Validate(),
		"users[3].maxConsumers: Invalid value: 1: makes 13 consumers of group email, above the 12 partitions of user_events")
}

func TestValidateReturnsAllMistakesAtOnce(t *testing.T) {
	err := (&Args{
		Version: "new",
		Topics:  []Topic{{Name: "a", Partitions: -1}},
		Users:   []User{{Name: "u", Produce: []string{"b"}}},
	}).Validate()
	require.EqualError(t, err, strings.Join([]string{
		"topics[0].partitions: Invalid value: -1: must be between 1 and 1000",
		`version: Invalid value: "new": must be one that operator 0.44.0 runs: 3.7.0, 3.7.1, 3.8.0`,
		`users[0].produce[0]: Invalid value: "b": must be one of the topics`,
	}, "\n"))
}

func pool(replicas int, roles ...Role) []Pool {
	return []Pool{{Name: "extra", Roles: roles, Replicas: replicas}}
}

func TestSettingsWithGoodValues(t *testing.T) {
	a := production()
	a.Config = map[string]string{
		"log.retention.ms": "-1", "num.io.threads": " 8 ", "auto.leader.rebalance.enable": "TRUE",
		"log.cleaner.io.buffer.load.factor": "0.9", "log.cleaner.min.cleanable.ratio": "0.5", "compression.type": "zstd",
	}
	require.NoError(t, a.Validate())
}

// A cluster called kafka-user would write Secrets among those of the users of one called kafka.
func TestClusterNameAmongUsersSecrets(t *testing.T) {
	for _, name := range []string{"kafka-user", "kafka-user-two"} {
		require.Len(t, production().withDefaults().CheckNodes(nil, name), 1, name)
	}
	require.Empty(t, production().withDefaults().CheckNodes(nil, "kafka-users"))
}
