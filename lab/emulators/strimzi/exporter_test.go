package strimzi

import (
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
)

// exporterLab is a cluster that asks for the exporter.
func exporterLab(t *testing.T) *lab {
	t.Helper()
	k, pool := resources(t)
	k.Spec.KafkaExporter = &api.KafkaExporter{}
	return newLab(t, k, pool)
}

func (l *lab) exporter() *appsv1.Deployment {
	l.Helper()
	found := &appsv1.Deployment{}
	l.get("kafka-kafka-exporter", found)
	return found
}

func TestClusterWaitsForItsExporter(t *testing.T) {
	l := exporterLab(t)
	for range 20 {
		l.run(l.clusters(), "kafka")
		if l.Get(t.Context(), key("kafka-kafka-exporter"), &appsv1.Deployment{}) == nil {
			break
		}
		l.start()
	}
	require.False(t, api.IsReady(l.cluster().Status.Conditions))
	l.Now = func() time.Time { return time.Unix(300, 0) }
	l.run(l.clusters(), "kafka")
	require.Equal(t, "TimeoutException: the Kafka Exporter is not ready", reason(l.cluster().Status.Conditions))
	l.ready()
	require.Empty(t, l.notes())

	d := l.exporter()
	d.Status.Replicas = 2
	require.NoError(t, l.Status().Update(t.Context(), d))
	require.Equal(t, soon, l.run(l.clusters(), "kafka").RequeueAfter, "the pod before is not gone")
}

// The exporter is a super user of the listener that only the cluster's own authority opens.
func TestExporterHasACertificate(t *testing.T) {
	l := exporterLab(t)
	l.ready()
	data := l.data("kafka-kafka-exporter-certs")
	block, _ := pem.Decode(data["kafka-exporter.crt"])
	certificate, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	require.Equal(t, "CN=kafka-kafka-exporter,O=io.strimzi", certificate.Subject.String())
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(l.data("kafka-cluster-ca-cert")["ca.crt"]))
	_, err = certificate.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	require.NoError(t, err)
	config := &corev1.ConfigMap{}
	l.get("kafka-dual-0", config)
	require.Contains(t, config.Data["server.config"], "User:CN=kafka-kafka-exporter,O=io.strimzi;")

	l.run(l.clusters(), "kafka")
	require.Equal(t, data, l.data("kafka-kafka-exporter-certs"), "again changes nothing")
}

// It reads certificates at its start: without a new pod it would go on with an authority that is gone.
func TestExporterFollowsTheAuthority(t *testing.T) {
	l := exporterLab(t)
	l.ready()
	before := l.exporter().Spec.Template.Annotations
	key := l.secret("kafka-cluster-ca")
	key.Annotations["strimzi.io/force-replace"] = "true"
	require.NoError(t, l.Update(t.Context(), key))
	l.run(l.clusters(), "kafka")
	require.Equal(t, before, l.exporter().Spec.Template.Annotations, "not before the nodes trust it")
	l.ready()
	after := l.exporter().Spec.Template.Annotations
	for _, name := range []string{"strimzi.io/cluster-ca-cert-generation", "strimzi.io/cluster-ca-key-generation", "strimzi.io/server-cert-hash"} {
		require.NotEqual(t, before[name], after[name], name)
	}
}

func TestExporterGoesWhenNobodyAsksForIt(t *testing.T) {
	l := exporterLab(t)
	l.ready()
	k := l.cluster()
	k.Spec.KafkaExporter = nil
	require.NoError(t, l.Update(t.Context(), k))
	l.ready()
	for name, object := range map[string]client.Object{
		"kafka-kafka-exporter": &appsv1.Deployment{}, "kafka-kafka-exporter-certs": &corev1.Secret{},
	} {
		require.True(t, apierrors.IsNotFound(l.Get(t.Context(), key(name), object)), name)
	}
	for _, object := range []client.Object{&corev1.ServiceAccount{}, &networkingv1.NetworkPolicy{}} {
		require.True(t, apierrors.IsNotFound(l.Get(t.Context(), key("kafka-kafka-exporter"), object)))
	}
	l.get("kafka-entity-operator", &appsv1.Deployment{})
}
