package strimzi

import (
	"crypto/tls"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/admin"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
)

func TestClusterBecomesReady(t *testing.T) {
	l := clusterLab(t)
	result := l.run(l.clusters(), "kafka")
	require.Equal(t, soon, result.RequeueAfter)
	require.Equal(t, "Creating: pod kafka-dual-0 is not ready", reason(l.cluster().Status.Conditions))

	l.settle()
	status := l.cluster().Status
	require.True(t, api.IsReady(status.Conditions))
	require.Equal(t, "the-id", status.ClusterID)
	require.Equal(t, "3.7.1", status.KafkaVersion)
	require.Equal(t, "kafka-kafka-bootstrap.shop.svc:9093", status.Listeners[0].BootstrapServers)
	require.Equal(t, string(l.data("kafka-cluster-ca-cert")["ca.crt"]), status.Listeners[0].Certificates[0])
	pool := &api.KafkaNodePool{}
	l.get("dual", pool)
	require.Equal(t, []int32{0}, pool.Status.NodeIDs)
}

// An operator that was killed anywhere goes on where it was: what exists is kept, and nothing restarts.
func TestAgainChangesNothing(t *testing.T) {
	l := clusterLab(t)
	l.ready()
	set, before := &api.StrimziPodSet{}, map[string]map[string][]byte{}
	l.get("kafka-dual", set)
	names := []string{"kafka-cluster-ca", "kafka-cluster-ca-cert", "kafka-clients-ca", "kafka-clients-ca-cert", "kafka-kafka-brokers", "kafka-cluster-operator-certs",
		"kafka-entity-topic-operator-certs", "kafka-entity-user-operator-certs"}
	for _, name := range names {
		before[name] = l.data(name)
	}
	// The next operator has no connection.
	l.connections.open = nil
	l.run(l.clusters(), "kafka")
	again := &api.StrimziPodSet{}
	l.get("kafka-dual", again)
	require.Equal(t, set.Spec, again.Spec)
	for _, name := range names {
		require.Equal(t, before[name], l.data(name), name)
	}
	require.Equal(t, 2, l.dialled)
	l.run(l.clusters(), "kafka")
	require.Equal(t, 2, l.dialled, "one connection serves as long as it fits")
}

func TestLostCertificateIsMadeAgain(t *testing.T) {
	l := clusterLab(t)
	l.ready()
	authority := l.data("kafka-cluster-ca")
	require.NoError(t, l.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "kafka-cluster-ca-cert", Namespace: "shop"}}))
	l.run(l.clusters(), "kafka")
	require.Equal(t, authority, l.data("kafka-cluster-ca"))
	pair := l.data("kafka-kafka-brokers")
	_, err := tls.X509KeyPair(pair["kafka-dual-0.crt"], pair["kafka-dual-0.key"])
	require.NoError(t, err)
}

// After a destroy and an up the objects of the first cluster are on their way out under the same names.
func TestWaitsForAnEarlierClusterToGo(t *testing.T) {
	yes := true
	old := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
		Name: "kafka-cluster-ca", Namespace: "shop",
		OwnerReferences: []metav1.OwnerReference{{APIVersion: api.Version.String(), Kind: "Kafka", Name: "kafka", UID: "earlier", Controller: &yes}},
	}}
	l := clusterLab(t, old)
	require.Equal(t, soon, l.run(l.clusters(), "kafka").RequeueAfter)
	require.Equal(t, "Creating: kafka-cluster-ca is from an earlier Kafka and not yet gone", reason(l.cluster().Status.Conditions))
	require.NoError(t, l.Delete(t.Context(), old))
	l.ready()
}

func TestClusterThatDoesNotAnswer(t *testing.T) {
	l := clusterLab(t)
	l.ready()
	l.kafka.fails = errors.New("connection refused")
	_, err := l.clusters().Reconcile(t.Context(), ctrl.Request{NamespacedName: key("kafka")})
	require.ErrorContains(t, err, "connection refused")
	require.Equal(t, "KafkaError: connection refused", reason(l.cluster().Status.Conditions))
	l.kafka.fails = nil
	l.ready()
	l.kafka.brokers = 0
	require.Equal(t, soon, l.run(l.clusters(), "kafka").RequeueAfter)
	require.True(t, api.IsReady(l.cluster().Status.Conditions), "as Strimzi has it until the end of its reconciliation")
	l.Now = func() time.Time { return time.Unix(300, 0) }
	l.run(l.clusters(), "kafka")
	require.Equal(t, "TimeoutException: 0 of 1 brokers joined the cluster", reason(l.cluster().Status.Conditions))
	l.kafka.brokers = 1
	l.ready()
}

// Users of Kafka without a KafkaUser: it was deleted while no operator ran, or the volume is from an earlier cluster.
func TestForgetsUsersWithoutResource(t *testing.T) {
	l := clusterLab(t, &api.KafkaUser{ObjectMeta: meta("relay"), Spec: api.UserSpec{Authentication: &api.Type{Type: "scram-sha-512"}}},
		&api.KafkaUser{ObjectMeta: meta("phone"), Spec: api.UserSpec{Authentication: &api.Type{Type: "tls"}}})
	for _, name := range []string{"relay", "CN=phone", "left", "phone"} {
		l.kafka.users[name] = admin.User{Name: name}
	}
	l.ready()
	names, err := l.kafka.Users(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"relay", "CN=phone"}, names)
}

func TestGoneClusterIsDisconnected(t *testing.T) {
	l := clusterLab(t)
	l.ready()
	require.NoError(t, l.Delete(t.Context(), l.cluster()))
	l.run(l.clusters(), "kafka")
	require.True(t, l.kafka.closed)
	require.Nil(t, l.connections.get(key("kafka")))
}

func TestWhatIsNotServedIsSaid(t *testing.T) {
	k, pool := resources(t)
	k.Spec.Kafka.Rack = &api.Unserved{}
	l := newLab(t, k, pool)
	l.ready()
	require.Equal(t, []string{"Emulator: the lab's emulator of the Strimzi operator does not run rack"}, l.notes())
}
