package pki

import (
	"crypto/tls"
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/require"
)

func authority(t *testing.T, name string) (*Authority, []byte) {
	t.Helper()
	key, err := NewKey()
	require.NoError(t, err)
	certificate, err := NewAuthority(name, key)
	require.NoError(t, err)
	a, err := Load(Pair{Certificate: certificate, Key: key})
	require.NoError(t, err)
	return a, certificate
}

func TestIssuedCertificatesVerify(t *testing.T) {
	a, ca := authority(t, "cluster-ca")
	hosts := []string{"kafka-kafka-bootstrap", "kafka-dual-0.kafka-kafka-brokers.shop.svc"}
	pair, err := a.Issue(Internal("kafka-kafka"), hosts)
	require.NoError(t, err)
	_, err = tls.X509KeyPair(pair.Certificate, pair.Key)
	require.NoError(t, err)

	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(ca))
	certificate, err := parse(pair.Certificate)
	require.NoError(t, err)
	for _, host := range hosts {
		for _, use := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
			_, err = certificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, KeyUsages: []x509.ExtKeyUsage{use}})
			require.NoError(t, err)
		}
	}
	// Kafka compares this text with super.users.
	require.Equal(t, "CN=kafka-kafka,O=io.strimzi", certificate.Subject.String())
}

func TestFits(t *testing.T) {
	a, _ := authority(t, "cluster-ca")
	other, _ := authority(t, "cluster-ca")
	name, hosts := Internal("kafka-kafka"), []string{"a", "b"}
	pair, err := a.Issue(name, hosts)
	require.NoError(t, err)
	require.True(t, a.Fits(pair, name, hosts))
	require.False(t, other.Fits(pair, name, hosts), "another authority")
	require.False(t, a.Fits(pair, Internal("other"), hosts), "another name")
	require.False(t, a.Fits(pair, name, []string{"a"}), "another host")
	require.False(t, a.Fits(Pair{Certificate: pair.Certificate}, name, hosts), "no key")
	require.False(t, a.Fits(Pair{}, name, hosts), "nothing")
}

func TestLoadRefuses(t *testing.T) {
	key, err := NewKey()
	require.NoError(t, err)
	other, err := NewKey()
	require.NoError(t, err)
	certificate, err := NewAuthority("ca", key)
	require.NoError(t, err)
	for message, pair := range map[string]Pair{
		"certificate is not PEM":      {},
		"key is not PEM":              {Certificate: certificate},
		"not that of its certificate": {Certificate: certificate, Key: other},
	} {
		_, err := Load(pair)
		require.ErrorContains(t, err, message)
	}
}
