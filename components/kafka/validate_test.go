package kafka

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValidateAcceptsTheSmallestAndTheFullest(t *testing.T) {
	var none *Args
	require.NoError(t, none.Validate())
	require.NoError(t, small().Validate())
	require.NoError(t, production().Validate())
}

func TestValidateNamesEachMistake(t *testing.T) {
	for want, spoil := range map[string]func(*Args){
		`operator.mode: "maybe" is not one of present, install`:                        func(a *Args) { a.Operator.Mode = "maybe" },
		`operator.kubernetesVersion: "v1.33" is not a version such as 1.33`:            func(a *Args) { a.Operator.KubernetesVersion = "v1.33" },
		`apiVersion: "v1beta2" is not a version such as kafka.strimzi.io/v1beta2`:      func(a *Args) { a.APIVersion = "v1beta2" },
		`version: "3.7" is not a version such as 3.7.1`:                                func(a *Args) { a.Version = "3.7" },
		`metadataVersion: "3.7" is not a version such as 3.7-IV4`:                      func(a *Args) { a.MetadataVersion = "3.7" },
		"metadataVersion: 3.10-IV0 is above version 3.7.1":                             func(a *Args) { a.MetadataVersion = "3.10-IV0" },
		`rackKey: "a b" is not a label such as`:                                        func(a *Args) { a.RackKey = "a b" },
		"pools: 2 controllers are not 1, 3 or 5":                                       func(a *Args) { a.Pools = pool(2, Controller, Broker) },
		"pools: 0 brokers cannot keep a message":                                       func(a *Args) { a.Pools = pool(3, Controller) },
		"pools[0].replicas: -1 is not between 1 and 100":                               func(a *Args) { a.Pools = append(pool(-1, Broker), a.withDefaults().Pools...) },
		"pools[2].roles: is empty: give controller, broker or both":                    func(a *Args) { a.Pools = append(a.withDefaults().Pools, pool(1)...) },
		`pools[2].roles[0]: "voter" is not one of controller, broker`:                  func(a *Args) { a.Pools = append(a.withDefaults().Pools, pool(1, "voter")...) },
		`pools[1].name: "controllers" is used twice`:                                   func(a *Args) { a.Pools = a.withDefaults().Pools; a.Pools[1].Name = "controllers" },
		`pools[0].name: "Brokers" is not a name of`:                                    func(a *Args) { a.Pools = a.withDefaults().Pools; a.Pools[0].Name = "Brokers" },
		`pools[1].storage.size: "huge" is not a quantity`:                              func(a *Args) { a.Pools = a.withDefaults().Pools; a.Pools[1].Storage.Size = "huge" },
		"pools[1].resources.cpuLimit: 100m is below cpuRequest 500m":                   func(a *Args) { a.Pools = a.withDefaults().Pools; a.Pools[1].Resources.CPULimit = "100m" },
		"replicationFactor: 4 is not between 1 and the 3 brokers":                      func(a *Args) { a.ReplicationFactor, a.Topics, a.Users = 4, nil, nil },
		"minInSync: 3 is not between 1 and 2, below the 3 replicas":                    func(a *Args) { a.MinInSync = 3 },
		"minInSync: 2 is not 1, the only value for one replica":                        func(a *Args) { a.ReplicationFactor, a.MinInSync = 1, 2 },
		`config: "min.insync.replicas" is decided by another field`:                    func(a *Args) { a.Config["min.insync.replicas"] = "1" },
		"clients[0]: names no pods, no namespaces and no cidr":                         func(a *Args) { a.Clients[0] = Peer{} },
		`entityOperator.memory: "lots" is not a quantity`:                              func(a *Args) { a.EntityOperator.Memory = "lots" },
		`cruiseControl.memory: "lots" is not a quantity`:                               func(a *Args) { a.CruiseControl.Memory = "lots" },
		`exporter.cpuRequest: "lots" is not a quantity`:                                func(a *Args) { a.Exporter.CPURequest = "lots" },
		"readyMinutes: 500 is not between 1 and 120":                                   func(a *Args) { a.ReadyMinutes = 500 },
		`topics[3].name: "a b" is not 1 to 249 letters, digits`:                        func(a *Args) { a.Topics[3].Name = "a b" },
		`topics[3].name: ".." is not 1 to 249 letters, digits`:                         func(a *Args) { a.Topics[3].Name = ".." },
		`topics[3].name: "_x" does not begin and end with a letter or digit`:           func(a *Args) { a.Topics[3].Name = "_x" },
		`topics[3].name: "user.events" is too like topic "user_events"`:                func(a *Args) { a.Topics[3].Name = "user.events" },
		"topics[3].partitions: -1 is not between 1 and 1000":                           func(a *Args) { a.Topics[3].Partitions = -1 },
		"topics[3].replicas: 5 is not between 1 and the 3 brokers":                     func(a *Args) { a.Topics[3].Replicas = 5 },
		"topics[3].minInSync: 2 is not between 1 and 1, below the 2 replicas":          func(a *Args) { a.Topics[3].Replicas, a.Topics[3].MinInSync = 2, 2 },
		"topics[3].retentionHours: -2 is not between 1 and 87600, nor -1 for ever":     func(a *Args) { a.Topics[3].RetentionHours = -2 },
		"topics[3].maxMessageBytes: 5 is not between 1024 and 104857600":               func(a *Args) { a.Topics[3].MaxMessageBytes = 5 },
		`users[0].name: "relay_1" is not a name of`:                                    func(a *Args) { a.Users[0].Name = "relay_1" },
		`users[1].name: "relay" is used twice`:                                         func(a *Args) { a.Users[1].Name = "relay" },
		`users[0].authentication: "plain" is not one of scram-sha-512, tls`:            func(a *Args) { a.Users[0].Authentication = "plain" },
		"users[2].authentication: tls needs mutualTLS, which is off":                   func(a *Args) { a.MutualTLS = false },
		"users[0]: neither produces nor consumes":                                      func(a *Args) { a.Users[0].Produce = nil },
		`users[0].produce[1]: "orders" is not one of the topics`:                       func(a *Args) { a.Users[0].Produce[1] = "orders" },
		`users[0].produce[1]: "user_events" is given twice`:                            func(a *Args) { a.Users[0].Produce[1] = "user_events" },
		`users[1].consume[0]: "orders" is not one of the topics`:                       func(a *Args) { a.Users[1].Consume[0] = "orders" },
		"users[1].group: is required to consume":                                       func(a *Args) { a.Users[1].Group = "" },
		`users[0].group: "g" consumes nothing`:                                         func(a *Args) { a.Users[0].Group = "g" },
		"users[1].maxConsumers: group email has 13 consumers, above the 12 partitions": func(a *Args) { a.Users[1].MaxConsumers = 13 },
		`users[1].deadLetter: "nowhere" is not one of the topics`:                      func(a *Args) { a.Users[1].DeadLetter = "nowhere" },
		`users[0].deadLetter: "email_dlq" is for users that consume`:                   func(a *Args) { a.Users[0].DeadLetter = "email_dlq" },
		`users[1].deadLetter: "user_events" is given as consume or produce too`:        func(a *Args) { a.Users[1].DeadLetter = "user_events" },
		"users[2].maxConsumers: -1 is not between 0 and 1000":                          func(a *Args) { a.Users[2].MaxConsumers = -1 },
		"users[1].quotas.producerByteRate: -1 is not between 0 and":                    func(a *Args) { a.Users[1].Quotas.ProducerByteRate = -1 },
		"users[1].quotas.requestPercentage: -1 is not between 0 and 10000":             func(a *Args) { a.Users[1].Quotas.RequestPercentage = -1 },
	} {
		t.Run(want, func(t *testing.T) {
			a := production()
			spoil(a)
			err := a.Validate()
			require.ErrorContains(t, err, want)
			require.Len(t, strings.Split(err.Error(), "\n"), 1, "one mistake, one message")
		})
	}
}

func TestValidateAddsUpTheConsumersOfAGroup(t *testing.T) {
	a := production()
	a.Users = append(a.Users, User{Name: "email-2", Consume: []string{"user_events"}, Group: "email", MaxConsumers: 1})
	require.EqualError(t, a.Validate(),
		"users[3].maxConsumers: group email has 13 consumers, above the 12 partitions of user_events")
}

func TestValidateReturnsAllMistakesAtOnce(t *testing.T) {
	err := (&Args{
		Version: "new",
		Topics:  []Topic{{Name: "a", Partitions: -1}},
		Users:   []User{{Name: "u", Produce: []string{"b"}}},
	}).Validate()
	require.EqualError(t, err, strings.Join([]string{
		"topics[0].partitions: -1 is not between 1 and 1000",
		`users[0].produce[0]: "b" is not one of the topics`,
		`version: "new" is not a version such as 3.7.1`,
	}, "\n"))
}

func pool(replicas int, roles ...Role) []Pool {
	return []Pool{{Name: "extra", Roles: roles, Replicas: replicas}}
}
