package strimzi

import (
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
)

// What Strimzi does to a cluster that lost its resource, and to changes that it does not make.

// brokersLab has a controller and two brokers in pools of their own.
func brokersLab(t *testing.T, change ...func(*api.Kafka)) *lab {
	t.Helper()
	k, dual := resources(t)
	for _, c := range change {
		c(k)
	}
	controllers, brokers := dual.DeepCopyObject().(*api.KafkaNodePool), dual
	controllers.Name, controllers.UID, controllers.Spec.Roles = "controllers", "uid of controllers", []string{api.Controller}
	brokers.Name, brokers.UID, brokers.Spec.Roles, brokers.Spec.Replicas = "brokers", "uid of brokers", []string{api.Broker}, 2
	l := newLab(t, k, controllers, brokers)
	l.kafka.brokers = 2
	return l
}

func (l *lab) pool(name string) *api.KafkaNodePool {
	l.Helper()
	p := &api.KafkaNodePool{}
	l.get(name, p)
	return p
}

// change writes a pool as a user does.
func (l *lab) change(name string, change func(*api.KafkaNodePool)) {
	l.Helper()
	p := l.pool(name)
	change(p)
	require.NoError(l, l.Update(l.Context(), p))
}

// The nodes' start script compares this id with that of the volume.
func TestNewClusterHasAnIDOfItsOwn(t *testing.T) {
	id := func() string {
		l := clusterLab(t)
		l.run(l.clusters(), "kafka")
		config := &corev1.ConfigMap{}
		l.get("kafka-dual-0", config)
		require.Equal(t, config.Data["cluster.id"], l.pool("dual").Status.ClusterID)
		return config.Data["cluster.id"]
	}
	first := id()
	require.Len(t, first, 22)
	require.NotEqual(t, first, id(), "the kept volume of the first one does not start")
}

// A Kafka resource that is made again beside its kept pools is the same cluster.
func TestKeptPoolKeepsTheID(t *testing.T) {
	l := clusterLab(t)
	p := l.pool("dual")
	p.Status.ClusterID = "kept"
	require.NoError(t, l.Status().Update(t.Context(), p))
	l.run(l.clusters(), "kafka")
	config := &corev1.ConfigMap{}
	l.get("kafka-dual-0", config)
	require.Equal(t, "kept", config.Data["cluster.id"])
}

func TestScaleDownOfABrokerInUseIsReverted(t *testing.T) {
	l := brokersLab(t)
	l.ready()
	l.kafka.used = map[int32]bool{0: true, 1: true}
	l.change("brokers", func(p *api.KafkaNodePool) { p.Spec.Replicas = 1 })
	l.settle()
	require.True(t, api.IsReady(l.cluster().Status.Conditions))
	require.Equal(t, []string{"ScaleDownPreventionCheck: Reverting scale-down of KafkaNodePool brokers by changing number of replicas to 2"}, l.notes())
	require.Equal(t, []string{"kafka-brokers-0", "kafka-brokers-1"}, l.pods("brokers"))
	require.EqualValues(t, 1, l.pool("brokers").Spec.Replicas, "the resource stays as it was written")

	// The operator ends after it wrote the pool's new numbers.
	l.kafka.used, l.kafka.brokers = map[int32]bool{0: true}, 0
	l.settle()
	l.kafka.brokers = 2
	l.settle()
	require.Empty(t, l.notes())
	require.Equal(t, []string{"kafka-brokers-0"}, l.pods("brokers"))
	require.Equal(t, []int32{0}, l.pool("brokers").Status.NodeIDs)
	require.True(t, apierrors.IsNotFound(l.Get(t.Context(), key("kafka-brokers-1"), &corev1.ConfigMap{})))
	l.get("data-0-kafka-brokers-1", &corev1.PersistentVolumeClaim{})
}

// The size of a pool that has controllers too goes back before anything looks at the controllers.
func TestScaleDownOfADualPoolIsReverted(t *testing.T) {
	k, pool := resources(t)
	pool.Spec.Replicas = 3
	l := newLab(t, k, pool)
	l.kafka.brokers = 3
	l.ready()
	l.kafka.used = map[int32]bool{2: true}
	l.change("dual", func(p *api.KafkaNodePool) { p.Spec.Replicas = 1 })
	l.settle()
	require.True(t, api.IsReady(l.cluster().Status.Conditions))
	require.Contains(t, l.notes()[0], "Reverting scale-down of KafkaNodePool dual by changing number of replicas to 3")
}

func TestBrokerRoleOfABrokerInUseStays(t *testing.T) {
	l := clusterLab(t)
	l.ready()
	l.kafka.used = map[int32]bool{0: true}
	more := l.pool("dual")
	more.ObjectMeta = meta("more")
	more.Spec.Roles, more.Status = []string{api.Broker}, api.PoolStatus{}
	require.NoError(t, l.Create(t.Context(), more))
	l.kafka.brokers = 2
	l.change("dual", func(p *api.KafkaNodePool) { p.Spec.Roles = []string{api.Controller} })
	l.settle()
	require.Equal(t, []string{"ScaleDownPreventionCheck: Reverting role change of KafkaNodePool dual (setting roles to [broker controller])"}, l.notes())
}

func TestSkippedCheckThrowsBrokersAway(t *testing.T) {
	l := brokersLab(t, func(k *api.Kafka) { k.Annotations["strimzi.io/skip-broker-scaledown-check"] = "true" })
	l.ready()
	l.kafka.used = map[int32]bool{1: true}
	l.change("brokers", func(p *api.KafkaNodePool) { p.Spec.Replicas, p.Spec.Storage.Volumes[0].DeleteClaim = 1, true })
	l.settle()
	require.Equal(t, []string{"kafka-brokers-0"}, l.pods("brokers"))
}

// Pools are one after another by name, so that the first one's new node jumps over the second's.
func TestPoolGrowsPastAnother(t *testing.T) {
	l := brokersLab(t)
	l.ready()
	l.kafka.brokers = 3
	l.change("brokers", func(p *api.KafkaNodePool) { p.Spec.Replicas = 3 })
	l.settle()
	require.Equal(t, []int32{0, 1, 3}, l.pool("brokers").Status.NodeIDs)
	require.Equal(t, []string{"kafka-brokers-0", "kafka-brokers-1", "kafka-brokers-3"}, l.pods("brokers"))
}

func TestShrunkStorageIsIgnored(t *testing.T) {
	l := clusterLab(t)
	l.ready()
	l.change("dual", func(p *api.KafkaNodePool) { p.Spec.Storage.Volumes[0].Size = "4Gi" })
	l.settle()
	require.True(t, api.IsReady(l.cluster().Status.Conditions))
	require.Len(t, l.notes(), 1)
	require.Contains(t, l.notes()[0], "KafkaStorage: The desired Kafka storage configuration in the KafkaNodePool resource shop/dual")
	require.Equal(t, "KafkaStorage", l.pool("dual").Status.Conditions[0].Reason)
	claim := &corev1.PersistentVolumeClaim{}
	l.get("data-0-kafka-dual-0", claim)
	require.Equal(t, "5Gi", claim.Spec.Resources.Requests.Storage().String())
}

func TestGrownStorage(t *testing.T) {
	for name, c := range map[string]struct {
		expands bool
		notes   []string
		size    string
	}{
		"of a class that expands": {true, nil, "6Gi"},
		"of one that does not": {false, []string{"PvcResizingWarning: Storage Class local does not support resizing of volumes. " +
			"PVC data-0-kafka-dual-0 cannot be resized."}, "5Gi"},
	} {
		t.Run(name, func(t *testing.T) {
			l := clusterLab(t, &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "local"}, AllowVolumeExpansion: &c.expands})
			l.ready()
			claim, class := &corev1.PersistentVolumeClaim{}, "local"
			l.get("data-0-kafka-dual-0", claim)
			claim.Spec.StorageClassName = &class
			require.NoError(t, l.Update(t.Context(), claim))
			claim.Status.Phase = corev1.ClaimBound
			require.NoError(t, l.Status().Update(t.Context(), claim))
			l.change("dual", func(p *api.KafkaNodePool) { p.Spec.Storage.Volumes[0].Size = "6Gi" })
			l.settle()
			require.Equal(t, c.notes, l.notes())
			l.get("data-0-kafka-dual-0", claim)
			require.Equal(t, c.size, claim.Spec.Resources.Requests.Storage().String())
		})
	}
}

func TestCruiseControlWithOneBroker(t *testing.T) {
	k, pool := resources(t)
	k.Spec.CruiseControl = &api.Unserved{}
	l := newLab(t, k, pool)
	l.run(l.clusters(), "kafka")
	require.Contains(t, reason(l.cluster().Status.Conditions), "InvalidResourceException: Kafka shop/kafka has invalid configuration. Cruise Control cannot be deployed")
}

func TestMetricsConfig(t *testing.T) {
	for want, data := range map[string]map[string]string{
		"InvalidConfigurationException: ConfigMap kafka-metrics does not exist":                       nil,
		"InvalidConfigurationException: ConfigMap kafka-metrics does not contain specified key rules": {"other": "x"},
		"InvalidConfigurationException: Failed to parse metrics configuration":                        {"rules": "\t:"},
		"": {"rules": "lowercaseOutputName: true\nrules:\n- pattern: a\n"},
	} {
		k, pool := resources(t)
		k.Spec.Kafka.MetricsConfig = &api.MetricsConfig{Type: "jmxPrometheusExporter"}
		k.Spec.Kafka.MetricsConfig.ValueFrom.ConfigMapKeyRef = corev1.ConfigMapKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "kafka-metrics"}, Key: "rules"}
		l := newLab(t, k, pool)
		if data != nil {
			require.NoError(t, l.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "kafka-metrics", Namespace: "shop"}, Data: data}))
		}
		l.settle()
		require.Contains(t, reason(l.cluster().Status.Conditions), want)
		if want == "" {
			config := &corev1.ConfigMap{}
			l.get("kafka-dual-0", config)
			require.JSONEq(t, `{"lowercaseOutputName": true, "rules": [{"pattern": "a"}]}`, config.Data["metrics-config.json"])
		}
	}
}

// Kubernetes' foreground deletion clears the objects away while their resource still exists.
func TestClusterThatIsBeingDeleted(t *testing.T) {
	k, pool := resources(t)
	k.Finalizers = []string{"foregroundDeletion"}
	l := newLab(t, k, pool)
	l.ready()
	require.NoError(t, l.Delete(t.Context(), l.cluster()))
	require.NoError(t, l.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "kafka-kafka-brokers", Namespace: "shop"}}))
	l.run(l.clusters(), "kafka")
	require.NotEmpty(t, l.data("kafka-kafka-brokers"))
	require.Empty(t, l.pods("dual"), "its new certificate restarts the node")
}

func TestClusterWaitsForItsEntityOperator(t *testing.T) {
	l := clusterLab(t)
	l.run(l.clusters(), "kafka")
	l.start()
	l.run(l.clusters(), "kafka")
	l.get("kafka-entity-operator", &appsv1.Deployment{})
	require.False(t, api.IsReady(l.cluster().Status.Conditions))
	l.ready()
}

// A change of a pool alone leaves the cluster's generation and its status: who waits for Ready waits for nothing.
func TestChangedPoolLeavesTheClusterReady(t *testing.T) {
	l := clusterLab(t)
	l.ready()
	l.change("dual", func(p *api.KafkaNodePool) { p.Spec.Resources.Limits[corev1.ResourceMemory] = resource.MustParse("3Gi") })
	require.Equal(t, soon, l.run(l.clusters(), "kafka").RequeueAfter)
	require.Empty(t, l.pods("dual"), "the node restarts")
	require.True(t, api.IsReady(l.cluster().Status.Conditions))
}

// Pods that no longer fit restart one by one, the ones that are not ready first.
func TestRollingRestart(t *testing.T) {
	l := brokersLab(t)
	l.ready()
	k := l.cluster()
	k.Spec.Kafka.Config["num.partitions"] = "3"
	require.NoError(t, l.Update(t.Context(), k))
	l.run(l.clusters(), "kafka")
	require.Equal(t, []string{"kafka-brokers-1"}, l.pods("brokers"), "one at a time")
	l.run(l.clusters(), "kafka")
	require.Equal(t, []string{"kafka-brokers-1"}, l.pods("brokers"), "not before the first is back")
	l.ready()
}

// Strimzi deletes the one object that is in no namespace when the resource is gone, and not before.
func TestInitBindingGoesWithTheCluster(t *testing.T) {
	k, pool := resources(t)
	k.Spec.Kafka.Rack, k.Finalizers = &api.Unserved{}, []string{"foregroundDeletion"}
	l := newLab(t, k, pool)
	l.ready()
	find := func() error {
		return l.Get(t.Context(), types.NamespacedName{Name: "strimzi-shop-kafka-kafka-init"}, &rbacv1.ClusterRoleBinding{})
	}
	require.NoError(t, find())
	require.NoError(t, l.Delete(t.Context(), l.cluster()))
	l.run(l.clusters(), "kafka")
	require.NoError(t, find(), "the resource still exists")
	last := l.cluster()
	last.Finalizers = nil
	require.NoError(t, l.Update(t.Context(), last))
	l.run(l.clusters(), "kafka")
	require.True(t, apierrors.IsNotFound(find()))
}

func TestPausedClusterIsLeftAlone(t *testing.T) {
	l := clusterLab(t)
	l.ready()
	k := l.cluster()
	k.Annotations["strimzi.io/pause-reconciliation"] = "true"
	require.NoError(t, l.Update(t.Context(), k))
	require.NoError(t, l.Delete(t.Context(), l.secret("kafka-kafka-brokers")))
	l.run(l.clusters(), "kafka")
	require.Equal(t, "ReconciliationPaused", l.cluster().Status.Conditions[0].Type)
	require.True(t, apierrors.IsNotFound(l.Get(t.Context(), key("kafka-kafka-brokers"), &corev1.Secret{})))
}
