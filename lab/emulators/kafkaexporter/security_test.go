package kafkaexporter

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/pki"
)

// authority signs, and its certificate is in a file.
func authority(t *testing.T, file string) (*pki.Authority, []byte) {
	t.Helper()
	key, err := pki.NewKey()
	require.NoError(t, err)
	certificate, err := pki.NewAuthority("cluster-ca", key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, certificate, 0o600))
	made, err := pki.Load(pki.Pair{Certificate: certificate, Key: key})
	require.NoError(t, err)
	return made, certificate
}

func issued(t *testing.T, by *pki.Authority, folder, name string, hosts ...string) tls.Certificate {
	t.Helper()
	pair, err := by.Issue(pkix.Name{CommonName: name}, hosts)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, name+".crt"), pair.Certificate, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, name+".key"), pair.Key, 0o600))
	certificate, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	require.NoError(t, err)
	return certificate
}

// While the authority's key is replaced there are two certificates, and brokers have either.
func TestEveryAuthorityOfTheFolderIsTrusted(t *testing.T) {
	authorities, own := t.TempDir(), t.TempDir()
	older, olderText := authority(t, filepath.Join(authorities, "ca-2026.crt"))
	newer, _ := authority(t, filepath.Join(authorities, "ca.crt"))
	require.NoError(t, os.WriteFile(filepath.Join(authorities, "ca.p12"), []byte("a store"), 0o600))
	issued(t, older, own, "kafka-exporter")
	clients := x509.NewCertPool()
	require.True(t, clients.AppendCertsFromPEM(olderText))
	security, err := Security(authorities, filepath.Join(own, "kafka-exporter.crt"), filepath.Join(own, "kafka-exporter.key"))
	require.NoError(t, err)
	for _, by := range []*pki.Authority{older, newer} {
		fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.TLS(&tls.Config{
			Certificates: []tls.Certificate{issued(t, by, t.TempDir(), "node", "localhost")},
			ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: clients,
		}))
		require.NoError(t, err)
		t.Cleanup(fake.Close)
		config := security.Clone()
		config.ServerName = "localhost" // the fake is an address, which the certificate is not for
		e, err := Connect(t.Context(), Options{Servers: fake.ListenAddrs(), Security: config, Log: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		e.Close()
	}
}

func TestSecurityRefuses(t *testing.T) {
	folder := t.TempDir()
	by, _ := authority(t, filepath.Join(folder, "ca"))
	issued(t, by, folder, "own")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "empty"), nil, 0o600))
	path := func(name string) string { return filepath.Join(folder, name) }
	_, err := Security(path("ca"), path("own.crt"), path("own.key"))
	require.NoError(t, err)
	_, err = Security(path("empty"), path("own.crt"), path("own.key"))
	require.ErrorContains(t, err, "empty has no certificate in PEM")
	_, err = Security(path("nowhere"), path("own.crt"), path("own.key"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = Security(path("ca"), path("own.crt"), path("ca"))
	require.Error(t, err)
}
