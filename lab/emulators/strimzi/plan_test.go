package strimzi

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/nodes"
)

func TestCheckRefuses(t *testing.T) {
	for message, change := range map[string]func(*api.Kafka){
		"strimzi.io/kraft is not enabled":      func(k *api.Kafka) { delete(k.Annotations, "strimzi.io/kraft") },
		"strimzi.io/node-pools is not enabled": func(k *api.Kafka) { k.Annotations["strimzi.io/node-pools"] = "disabled" },
		"3.8.0 is not 3.7.1":                   func(k *api.Kafka) { k.Spec.Kafka.Version = "3.8.0" },
		"metadataVersion 3.6-IV2 is not":       func(k *api.Kafka) { k.Spec.Kafka.MetadataVersion = "3.6-IV2" },
		"authorization is not simple":          func(k *api.Kafka) { k.Spec.Kafka.Authorization = nil },
		"port 9404 is taken or forbidden":      func(k *api.Kafka) { k.Spec.Kafka.Listeners[0].Port = 9404 },
		"unique name and a unique port":        func(k *api.Kafka) { k.Spec.Kafka.Listeners = append(k.Spec.Kafka.Listeners, k.Spec.Kafka.Listeners[0]) },
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

func TestCheckPoolRefuses(t *testing.T) {
	quantities := func(cpu string) corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}
	}
	for message, change := range map[string]func(*api.KafkaNodePool){
		"has no role defined":           func(p *api.KafkaNodePool) { p.Spec.Roles = nil },
		"needs to contain at least one": func(p *api.KafkaNodePool) { p.Spec.Storage.Volumes = nil },
		"The size is mandatory":         func(p *api.KafkaNodePool) { p.Spec.Storage.Volumes[0].Size = "" },
		"cpu request must be > zero":    func(p *api.KafkaNodePool) { p.Spec.Resources = &corev1.ResourceRequirements{Requests: quantities("0")} },
		"cpu limit must be > zero":      func(p *api.KafkaNodePool) { p.Spec.Resources = &corev1.ResourceRequirements{Limits: quantities("0")} },
		"cpu request must be <= limit": func(p *api.KafkaNodePool) {
			p.Spec.Resources = &corev1.ResourceRequirements{Requests: quantities("2"), Limits: quantities("1")}
		},
	} {
		_, p := resources(t)
		require.NoError(t, checkPool(*p))
		change(p)
		require.ErrorContains(t, checkPool(*p), message)
	}
}

func TestCheckCopies(t *testing.T) {
	require.NoError(t, checkCopies(api.Config{"default.replication.factor": "3", "min.insync.replicas": "7"}, 3))
	require.ErrorContains(t, checkCopies(api.Config{"transaction.state.log.min.isr": "4"}, 3), "should be set to 3 or less")
	require.ErrorContains(t, checkCopies(api.Config{"offsets.topic.replication.factor": "2.0"}, 3), "should be an integer")
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
		"new, by name":        {pools(pool("b", 2), pool("a", 1)), map[string][]int32{"a": {0}, "b": {1, 2}}},
		"numbers stay":        {pools(pool("a", 2, 3, 4), pool("b", 3, 0, 1, 2)), map[string][]int32{"a": {3, 4}, "b": {0, 1, 2}}},
		"the last one grows":  {pools(pool("a", 2, 0, 1), pool("b", 3, 2)), map[string][]int32{"a": {0, 1}, "b": {2, 3, 4}}},
		"a new one between":   {pools(pool("a", 1, 0), pool("ab", 2), pool("b", 1, 1)), map[string][]int32{"a": {0}, "ab": {2, 3}, "b": {1}}},
		"past another's":      {pools(pool("a", 3, 0), pool("b", 2, 1, 2)), map[string][]int32{"a": {0, 3, 4}, "b": {1, 2}}},
		"into a gap":          {pools(pool("a", 2, 0), pool("b", 1, 2)), map[string][]int32{"a": {0, 1}, "b": {2}}},
		"the highest are off": {pools(pool("a", 1, 0, 4, 2)), map[string][]int32{"a": {0}}},
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
	_, err := number(pools(pool("a", 1, 1), pool("b", 1, 1)))
	require.ErrorContains(t, err, "Found duplicate node ID 1 in node pool b")
}

func TestCheckPools(t *testing.T) {
	controllers := pool("c", 3)
	controllers.Spec.Roles = []string{api.Controller}
	for message, all := range map[string][]api.KafkaNodePool{
		"either don't exist or have 0 replicas":               pools(pool("a", 0)),
		"At least one KafkaNodePool with the controller role": pools(pool("a", 1)),
		"At least one KafkaNodePool with the broker role":     pools(controllers),
	} {
		k, _ := resources(t)
		require.ErrorContains(t, checkPools(k, all), message)
	}
}

func TestCheckNodes(t *testing.T) {
	k, _ := resources(t)
	k.Spec.CruiseControl = &api.Unserved{}
	numbered := func(p api.KafkaNodePool) []nodes.Pool {
		all, err := number(pools(p))
		require.NoError(t, err)
		return all
	}
	require.NoError(t, checkNodes(&nodes.Cluster{Kafka: k, Pools: numbered(pool("a", 2))}))
	controllers := pool("c", 3, 0)
	controllers.Spec.Roles = []string{api.Controller}
	for message, pool := range map[string]api.KafkaNodePool{
		"Kafka 3.7 cannot change the number of controllers from 1 to 3": controllers,
		"It requires at least two Kafka brokers":                        pool("a", 1),
		"must be no more than 63 bytes":                                 pool(strings.Repeat("x", 56), 2),
	} {
		require.ErrorContains(t, checkNodes(&nodes.Cluster{Kafka: k, Pools: numbered(pool)}), message)
	}
}

func TestClusterID(t *testing.T) {
	k, p := resources(t)
	first, second := clusterID(k, nil), clusterID(k, nil)
	require.Len(t, first, 22)
	require.NotEqual(t, first, second, "a new resource is a new cluster")
	p.Status.ClusterID = "of the pool"
	require.Equal(t, "of the pool", clusterID(k, pools(*p)))
	k.Status.ClusterID = "of the cluster"
	require.Equal(t, "of the cluster", clusterID(k, pools(*p)))
}

func TestChangeableStorage(t *testing.T) {
	jbod := func(all ...api.Volume) api.Storage { return api.Storage{Type: "jbod", Volumes: all} }
	disk := func(id int32, size string) api.Volume {
		return api.Volume{ID: id, Type: "persistent-claim", Size: size}
	}
	class, ephemeral := disk(0, "5Gi"), disk(0, "5Gi")
	class.Class, ephemeral.Type = "ssd", "ephemeral"
	kept := disk(0, "5Gi")
	kept.DeleteClaim, kept.KraftMetadata = true, "shared"
	for name, c := range map[string]struct {
		want api.Storage
		ok   bool
	}{
		"the same":      {jbod(disk(0, "5Gi")), true},
		"grows":         {jbod(disk(0, "6Gi")), true},
		"one more":      {jbod(disk(0, "5Gi"), disk(1, "1Gi")), true},
		"another":       {jbod(disk(1, "1Gi")), true},
		"flags":         {jbod(kept), true},
		"shrinks":       {jbod(disk(0, "4Gi")), false},
		"another class": {jbod(class), false},
		"another type":  {jbod(ephemeral), false},
		"no jbod":       {api.Storage{Type: "persistent-claim", Volume: disk(0, "5Gi")}, false},
		"twice":         {jbod(disk(0, "5Gi"), disk(0, "5Gi")), false},
	} {
		require.Equal(t, c.ok, changeable(jbod(disk(0, "5Gi")), c.want), name)
	}
}
