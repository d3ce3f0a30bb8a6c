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

// lab is an API server and a cluster, both of them fakes.
type lab struct {
	*testing.T
	objects
	kafka       *kafka
	connections *connections
	// dialled is how often a connection was opened.
	dialled int
}

func newLab(t *testing.T, resources ...client.Object) *lab {
	t.Helper()
	l := &lab{T: t, kafka: &kafka{brokers: 1, topics: map[string]admin.Topic{}, users: map[string]admin.User{}}}
	c := fake.NewClientBuilder().WithScheme(NewScheme()).WithObjects(resources...).
		WithStatusSubresource(&api.Kafka{}, &api.KafkaNodePool{}, &api.KafkaTopic{}, &api.KafkaUser{}, &appsv1.StatefulSet{}).Build()
	l.objects = objects{Client: c, Fresh: c, Now: func() time.Time { return time.Unix(0, 0) }}
	l.connections = &connections{connect: func([]string, *tls.Config) (Admin, error) {
		l.dialled++
		return l.kafka, nil
	}}
	return l
}

func (l *lab) clusters() *clusters {
	return &clusters{objects: l.objects, connections: l.connections, image: "scalestack/kafka:3.7.1", address: "10.244.0.1/32"}
}

func (l *lab) topics() *topics { return &topics{objects: l.objects, connections: l.connections} }
func (l *lab) users() *users   { return &users{objects: l.objects, connections: l.connections} }

func (l *lab) run(r reconcile.Reconciler, name string) ctrl.Result {
	l.Helper()
	result, err := r.Reconcile(l.Context(), ctrl.Request{NamespacedName: key(name)})
	require.NoError(l, err)
	return result
}

// ready is a cluster whose nodes run.
func (l *lab) ready() {
	l.Helper()
	l.run(l.clusters(), "kafka")
	l.start()
	l.run(l.clusters(), "kafka")
	require.True(l, api.IsReady(l.cluster().Status.Conditions), "%v", l.cluster().Status.Conditions)
}

// start does what the StatefulSet's controller does.
func (l *lab) start() {
	l.Helper()
	set := &appsv1.StatefulSet{}
	l.get("kafka-dual", set)
	set.Status = appsv1.StatefulSetStatus{
		ObservedGeneration: set.Generation, ReadyReplicas: *set.Spec.Replicas, CurrentRevision: "1", UpdateRevision: "1",
	}
	require.NoError(l, l.Status().Update(l.Context(), set))
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
