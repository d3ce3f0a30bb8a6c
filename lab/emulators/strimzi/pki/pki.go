// Package pki makes the certificates of a Kafka cluster.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// lifetime is longer than any lab lives: nothing renews a certificate here.
const lifetime = 10 * 365 * 24 * time.Hour

// organization is Strimzi's.
const organization = "io.strimzi"

// Pair is a certificate and its key, in PEM.
type Pair struct{ Certificate, Key []byte }

// NewKey makes a private key in PEM.
func NewKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

// NewAuthority makes the certificate of an authority with the key.
func NewAuthority(name string, key []byte) ([]byte, error) {
	signer, err := parseKey(key)
	if err != nil {
		return nil, err
	}
	template := newTemplate(pkix.Name{CommonName: name, Organization: []string{organization}})
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	return sign(template, template, signer.Public(), signer)
}

// Authority signs certificates.
type Authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// Load reads an authority.
func Load(p Pair) (*Authority, error) {
	certificate, err := parse(p.Certificate)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(p.Key)
	if err != nil {
		return nil, err
	}
	if !key.Public().(*ecdsa.PublicKey).Equal(certificate.PublicKey) {
		return nil, errors.New("the authority's key is not that of its certificate")
	}
	return &Authority{certificate, key}, nil
}

// Issue makes a certificate for a server, under all its names, that is a client too. Without an organization it is
// a user's.
func (a *Authority) Issue(name pkix.Name, hosts []string) (Pair, error) {
	key, err := NewKey()
	if err != nil {
		return Pair{}, err
	}
	signer, err := parseKey(key)
	if err != nil {
		return Pair{}, err
	}
	template := newTemplate(name)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	template.DNSNames = hosts
	certificate, err := sign(template, a.certificate, signer.Public(), a.key)
	return Pair{Certificate: certificate, Key: key}, err
}

// Fits reports whether a certificate is signed by the authority for exactly these names.
func (a *Authority) Fits(p Pair, name pkix.Name, hosts []string) bool {
	certificate, err := parse(p.Certificate)
	if err != nil || len(p.Key) == 0 {
		return false
	}
	return certificate.CheckSignatureFrom(a.certificate) == nil &&
		certificate.Subject.String() == name.String() && slices.Equal(certificate.DNSNames, hosts)
}

// Internal is the name of a part of the cluster itself.
func Internal(name string) pkix.Name {
	return pkix.Name{CommonName: name, Organization: []string{organization}}
}

func newTemplate(name pkix.Name) *x509.Certificate {
	// rand.Int fails only if the system's randomness does, which ends the program.
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	return &x509.Certificate{
		SerialNumber: serial, Subject: name,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(lifetime),
	}
}

func sign(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) ([]byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), err
}

func parse(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("a certificate is not PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}

func parseKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("a key is not PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("a key is %T, not of an elliptic curve", key)
	}
	return signer, nil
}
