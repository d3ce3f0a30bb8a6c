package strimzi

import (
	"crypto/x509"
	"encoding/pem"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/pki"
)

func (l *lab) secret(name string) *corev1.Secret {
	l.Helper()
	found := &corev1.Secret{}
	l.get(name, found)
	return found
}

func TestAuthoritySecrets(t *testing.T) {
	l := clusterLab(t)
	l.ready()
	for _, name := range []string{"kafka-cluster-ca", "kafka-clients-ca"} {
		cert := l.secret(name + "-cert")
		require.Equal(t, []string{"ca.crt", "ca.p12", "ca.password"}, slices.Sorted(maps.Keys(cert.Data)))
		require.True(t, pki.InTrustStore(cert.Data["ca.p12"], string(cert.Data["ca.password"]), map[string][]byte{"ca.crt": cert.Data["ca.crt"]}))
		require.Equal(t, "0", cert.Annotations["strimzi.io/ca-cert-generation"])
		require.Equal(t, "0", l.secret(name).Annotations["strimzi.io/ca-key-generation"])
	}
}

// A new key is trusted by every node before any node has a certificate that it signed.
func TestReplacedAuthority(t *testing.T) {
	l := clusterLab(t)
	l.ready()
	first := l.data("kafka-cluster-ca-cert")["ca.crt"]
	node := l.data("kafka-kafka-brokers")["kafka-dual-0.crt"]
	key := l.secret("kafka-cluster-ca")
	key.Annotations["strimzi.io/force-replace"] = "true"
	require.NoError(t, l.Update(t.Context(), key))

	l.run(l.clusters(), "kafka")
	cert := l.secret("kafka-cluster-ca-cert")
	names := slices.Sorted(maps.Keys(cert.Data))
	require.Len(t, names, 4, "the old authority is kept beside the new one")
	require.True(t, strings.HasPrefix(names[0], "ca-2"), names[0])
	require.Equal(t, first, cert.Data[names[0]])
	require.NotEqual(t, first, cert.Data["ca.crt"])
	require.Equal(t, "1", cert.Annotations["strimzi.io/ca-cert-generation"])
	require.Equal(t, "1", l.secret("kafka-cluster-ca").Annotations["strimzi.io/ca-key-generation"])
	require.NotContains(t, l.secret("kafka-cluster-ca").Annotations, "strimzi.io/force-replace")
	require.Equal(t, node, l.data("kafka-kafka-brokers")["kafka-dual-0.crt"], "not before all nodes trust the new one")

	l.ready()
	require.NotEqual(t, node, l.data("kafka-kafka-brokers")["kafka-dual-0.crt"])
	cert = l.secret("kafka-cluster-ca-cert")
	require.Equal(t, []string{"ca.crt", "ca.p12", "ca.password"}, slices.Sorted(maps.Keys(cert.Data)), "the old one goes with its last user")
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(cert.Data["ca.crt"]))
	block, _ := pem.Decode(l.data("kafka-kafka-brokers")["kafka-dual-0.crt"])
	certificate, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	_, err = certificate.Verify(x509.VerifyOptions{Roots: roots})
	require.NoError(t, err)
}
