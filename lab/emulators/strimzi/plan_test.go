package strimzi

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
)

func TestCheckRefuses(t *testing.T) {
	for message, change := range map[string]func(*api.Kafka){
		"strimzi.io/kraft is not enabled":      func(k *api.Kafka) { delete(k.Annotations, "strimzi.io/kraft") },
		"strimzi.io/node-pools is not enabled": func(k *api.Kafka) { k.Annotations["strimzi.io/node-pools"] = "disabled" },
		"3.8.0 is not 3.7.1":                   func(k *api.Kafka) { k.Spec.Kafka.Version = "3.8.0" },
		"metadataVersion 3.6-IV2 is not":       func(k *api.Kafka) { k.Spec.Kafka.MetadataVersion = "3.6-IV2" },
		"authorization is not simple":          func(k *api.Kafka) { k.Spec.Kafka.Authorization = nil },
		"type route is not internal":           func(k *api.Kafka) { k.Spec.Kafka.Listeners[0].Type = "route" },
		"authentication is neither":            func(k *api.Kafka) { k.Spec.Kafka.Listeners[0].Authentication = nil },
		"certificates need tls": func(k *api.Kafka) {
			k.Spec.Kafka.Listeners[0].TLS, k.Spec.Kafka.Listeners[0].Authentication.Type = false, "tls"
		},
	} {
		k, _ := resources(t)
		require.NoError(t, check(k))
		change(k)
		require.ErrorContains(t, check(k), message)
	}
}

func pools(all ...api.KafkaNodePool) []api.KafkaNodePool { return all }

func pool(name string, replicas int32, ids ...int32) api.KafkaNodePool {
	p := api.KafkaNodePool{Spec: api.PoolSpec{Replicas: replicas, Roles: []string{api.Broker}}}
	p.Name, p.Status.NodeIDs = name, ids
	return p
}

func TestNumber(t *testing.T) {
	for name, c := range map[string]struct {
		pools []api.KafkaNodePool
		want  map[string][]int32
	}{
		"new, by name":       {pools(pool("b", 2), pool("a", 1)), map[string][]int32{"a": {0}, "b": {1, 2}}},
		"numbers stay":       {pools(pool("a", 2, 3, 4), pool("b", 3, 0, 1, 2)), map[string][]int32{"a": {3, 4}, "b": {0, 1, 2}}},
		"the last one grows": {pools(pool("a", 2, 0, 1), pool("b", 3, 2)), map[string][]int32{"a": {0, 1}, "b": {2, 3, 4}}},
		"a new one between":  {pools(pool("a", 1, 0), pool("ab", 2), pool("b", 1, 1)), map[string][]int32{"a": {0}, "ab": {2, 3}, "b": {1}}},
	} {
		t.Run(name, func(t *testing.T) {
			numbered, err := number(c.pools)
			require.NoError(t, err)
			got := map[string][]int32{}
			for _, p := range numbered {
				got[p.Name] = p.IDs
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestNumberRefuses(t *testing.T) {
	controllers := pool("c", 3, 0)
	controllers.Spec.Roles = []string{api.Controller}
	disks := pool("d", 1)
	disks.Spec.Storage.Volumes = make([]api.Volume, 2)
	for message, all := range map[string][]api.KafkaNodePool{
		"no KafkaNodePool is there":                   nil,
		"pool a cannot grow: node 1 is in pool b":     pools(pool("a", 2, 0), pool("b", 1, 1)),
		"3 nodes cannot become 2":                     pools(pool("a", 2, 0, 1, 2)),
		"Kafka 3.7 cannot add controllers":            pools(controllers),
		"pool d: Kafka 3.7 takes one volume per node": pools(disks),
	} {
		_, err := number(all)
		require.ErrorContains(t, err, message)
	}
}
