// Package certtest issues certificates for tests and drills.
package certtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Authority signs certificates.
type Authority struct {
	// Certificate of the authority, as PEM.
	Certificate []byte

	parsed *x509.Certificate
	key    *ecdsa.PrivateKey
	t      testing.TB
}

// Pair is a certificate with its key, as PEM.
type Pair struct{ Certificate, Key []byte }

// NewAuthority makes an authority whose certificate is valid for a day.
func NewAuthority(t testing.TB, name string) *Authority {
	t.Helper()
	made := template(name, 24*time.Hour)
	made.IsCA, made.BasicConstraintsValid, made.KeyUsage = true, true, x509.KeyUsageCertSign
	key := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, made, made, key.Public(), key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &Authority{encode("CERTIFICATE", der), parsed, key, t}
}

// Issue makes a server's certificate for DNS names and IP addresses. A negative time
// makes one that has expired.
func (a *Authority) Issue(holds time.Duration, names ...string) Pair {
	a.t.Helper()
	return a.issue(holds, names, x509.ExtKeyUsageServerAuth)
}

// IssueForBoth is [Authority.Issue] for a server that also uses its certificate as a
// client.
func (a *Authority) IssueForBoth(holds time.Duration, names ...string) Pair {
	a.t.Helper()
	return a.issue(holds, names, x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)
}

func (a *Authority) issue(holds time.Duration, names []string, usages ...x509.ExtKeyUsage) Pair {
	a.t.Helper()
	made := template(names[0], holds)
	made.ExtKeyUsage = usages
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			made.IPAddresses = append(made.IPAddresses, ip)
		} else {
			made.DNSNames = append(made.DNSNames, name)
		}
	}
	key := newKey(a.t)
	der, err := x509.CreateCertificate(rand.Reader, made, a.parsed, key.Public(), a.key)
	require.NoError(a.t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(a.t, err)
	return Pair{encode("CERTIFICATE", der), encode("PRIVATE KEY", private)}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func template(name string, holds time.Duration) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, SerialNumber: big.NewInt(time.Now().UnixNano()),
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(holds),
	}
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
