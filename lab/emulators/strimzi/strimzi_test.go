package strimzi

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/admin"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
)

// kafka is a cluster that remembers what was asked of it.
type kafka struct {
	brokers int
	topics  map[string]admin.Topic
	users   map[string]admin.User
	used    map[int32]bool
	fails   error
	closed  bool
}

func (k *kafka) Cluster(context.Context) (string, int, error) { return "the-id", k.brokers, k.fails }
func (k *kafka) Close()                                       { k.closed = true }

func (k *kafka) EnsureTopic(_ context.Context, t admin.Topic) (string, error) {
	if k.fails == nil {
		k.topics[t.Name] = t
	}
	return "id of " + t.Name, k.fails
}

func (k *kafka) DeleteTopic(_ context.Context, name string) error {
	delete(k.topics, name)
	return k.fails
}

func (k *kafka) EnsureUser(_ context.Context, u admin.User) error {
	k.users[u.Name] = u
	return k.fails
}

func (k *kafka) DeleteUser(_ context.Context, name string) error {
	delete(k.users, name)
	return k.fails
}

func (k *kafka) Users(context.Context) (names []string, err error) {
	for name := range k.users {
		names = append(names, name)
	}
	return names, k.fails
}

func (k *kafka) BrokersInUse(context.Context) (map[int32]bool, error) { return k.used, k.fails }

// lab is an API server and a cluster, both of them fakes.
type lab struct {
	*testing.T
	objects
	kafka       *kafka
	connections *connections
	// waits outlives one reconciler, as it does in the program.
	waits map[types.NamespacedName]time.Time
	// dialled is how often a connection was opened.
	dialled int
}

func newLab(t *testing.T, resources ...client.Object) *lab {
	t.Helper()
	l := &lab{T: t, waits: map[types.NamespacedName]time.Time{}, kafka: &kafka{brokers: 1, topics: map[string]admin.Topic{}, users: map[string]admin.User{}}}
	c := fake.NewClientBuilder().WithScheme(NewScheme()).WithObjects(resources...).
		WithStatusSubresource(&api.Kafka{}, &api.KafkaNodePool{}, &api.KafkaTopic{}, &api.KafkaUser{},
			&api.StrimziPodSet{}, &appsv1.Deployment{}, &corev1.Pod{}, &corev1.PersistentVolumeClaim{}).Build()
	l.objects = objects{Client: c, Fresh: c, Now: func() time.Time { return time.Unix(0, 0) }}
	l.connections = &connections{connect: func([]string, *tls.Config) (Admin, error) {
		l.dialled++
		return l.kafka, nil
	}}
	return l
}

func (l *lab) clusters() *clusters {
	return &clusters{
		objects: l.objects, connections: l.connections, image: "scalestack/kafka:3.7.1", exporterImage: "scalestack/kafka-exporter:lab",
		address: "10.244.0.1/32", waits: l.waits,
	}
}

func (l *lab) topics() *topics { return &topics{objects: l.objects, connections: l.connections} }
func (l *lab) users() *users   { return &users{objects: l.objects, connections: l.connections} }

func (l *lab) run(r reconcile.Reconciler, name string) ctrl.Result {
	l.Helper()
	result, err := r.Reconcile(l.Context(), ctrl.Request{NamespacedName: key(name)})
	require.NoError(l, err)
	return result
}

// ready is a cluster whose nodes, entity operator and exporter run.
func (l *lab) ready() {
	l.Helper()
	l.settle()
	require.True(l, api.IsReady(l.cluster().Status.Conditions), "%v", l.cluster().Status.Conditions)
}

// settle lets the cluster, its pod sets and their pods come to rest.
func (l *lab) settle() {
	l.Helper()
	for range 20 {
		result := l.run(l.clusters(), "kafka")
		l.start()
		if result.RequeueAfter == resync {
			return
		}
	}
}

// start does what the controllers of pod sets and Deployments and the kubelet do.
func (l *lab) start() {
	l.Helper()
	sets := &api.StrimziPodSetList{}
	require.NoError(l, l.List(l.Context(), sets))
	for _, set := range sets.Items {
		l.run(&podSets{l.objects}, set.Name)
	}
	l.startDeployment("kafka-entity-operator")
	l.startDeployment("kafka-kafka-exporter")
	pods := &corev1.PodList{}
	require.NoError(l, l.List(l.Context(), pods))
	for i := range pods.Items {
		pods.Items[i].Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		require.NoError(l, l.Status().Update(l.Context(), &pods.Items[i]))
	}
}

// startDeployment starts the pod of one that exists.
func (l *lab) startDeployment(name string) {
	l.Helper()
	deployment := &appsv1.Deployment{}
	if l.Get(l.Context(), key(name), deployment) != nil {
		return
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name + "-x", Namespace: "shop", Labels: deployment.Spec.Template.Labels}, Spec: deployment.Spec.Template.Spec}
	require.NoError(l, client.IgnoreAlreadyExists(l.Create(l.Context(), pod)))
	deployment.Status = appsv1.DeploymentStatus{ObservedGeneration: deployment.Generation, UpdatedReplicas: 1, AvailableReplicas: 1}
	require.NoError(l, l.Status().Update(l.Context(), deployment))
}

// stopEntityOperator takes its pod away.
func (l *lab) stopEntityOperator() {
	l.Helper()
	require.NoError(l, l.Delete(l.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "kafka-entity-operator-x", Namespace: "shop"}}))
}

func (l *lab) pods(pool string) (names []string) {
	l.Helper()
	pods := &corev1.PodList{}
	require.NoError(l, l.List(l.Context(), pods, client.MatchingLabels{api.PoolLabel: pool}))
	for _, pod := range pods.Items {
		names = append(names, pod.Name)
	}
	return names
}

// notes are the warnings of a cluster, as reason and message.
func (l *lab) notes() (all []string) {
	l.Helper()
	for _, c := range l.cluster().Status.Conditions {
		if c.Type == api.Warning {
			all = append(all, c.Reason+": "+c.Message)
		}
	}
	return all
}

func (l *lab) get(name string, into client.Object) {
	l.Helper()
	require.NoError(l, l.Get(l.Context(), key(name), into))
}

func (l *lab) cluster() *api.Kafka {
	l.Helper()
	k := &api.Kafka{}
	l.get("kafka", k)
	return k
}

func (l *lab) data(secret string) map[string][]byte {
	l.Helper()
	found := &corev1.Secret{}
	l.get(secret, found)
	return found.Data
}

func key(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: "shop", Name: name}
}

// resources are a cluster and its pool, as components/kafka makes them.
func resources(t *testing.T) (*api.Kafka, *api.KafkaNodePool) {
	t.Helper()
	var in struct {
		Kafka *api.Kafka           `json:"kafka"`
		Pools []*api.KafkaNodePool `json:"pools"`
	}
	body, err := os.ReadFile("nodes/testdata/dev.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(body, &in))
	return in.Kafka, in.Pools[0]
}

func clusterLab(t *testing.T, more ...client.Object) *lab {
	t.Helper()
	k, pool := resources(t)
	return newLab(t, slices.Concat([]client.Object{k, pool}, more)...)
}

func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: "shop", UID: types.UID("uid of " + name), Labels: map[string]string{api.ClusterLabel: "kafka"}}
}

// reason is why an object is not ready.
func reason(conditions []api.Condition) string {
	for _, c := range conditions {
		if c.Type != api.Warning && (c.Type == api.NotReady) == (c.Status == "True") {
			return c.Reason + ": " + c.Message
		}
	}
	return ""
}
