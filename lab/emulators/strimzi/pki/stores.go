package pki

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"

	// Go's own x/crypto/pkcs12 is frozen and cannot write.
	"software.sslmate.com/src/go-pkcs12"
)

// NewPassword is one for a store: 12 characters, as Strimzi's PasswordGenerator makes them.
func NewPassword() string { return rand.Text()[:12] }

// TrustStore has certificates, which are in PEM, under their names.
func TrustStore(certificates map[string][]byte, password string) ([]byte, error) {
	var entries []pkcs12.TrustStoreEntry
	for name, text := range certificates {
		certificate, err := parse(text)
		if err != nil {
			return nil, err
		}
		entries = append(entries, pkcs12.TrustStoreEntry{Cert: certificate, FriendlyName: name})
	}
	return pkcs12.Modern.EncodeTrustStoreEntries(entries, password)
}

// InTrustStore reports whether a store has exactly the certificates, which are in PEM.
func InTrustStore(store []byte, password string, certificates map[string][]byte) bool {
	found, err := pkcs12.DecodeTrustStore(store, password)
	if err != nil || len(found) != len(certificates) {
		return false
	}
	for _, text := range certificates {
		if certificate, err := parse(text); err != nil || !contains(found, certificate) {
			return false
		}
	}
	return true
}

func contains(all []*x509.Certificate, one *x509.Certificate) bool {
	for _, other := range all {
		if other.Equal(one) {
			return true
		}
	}
	return false
}

// KeyStore has a key and its certificate.
func KeyStore(p Pair, password string) ([]byte, error) {
	certificate, err := parse(p.Certificate)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(p.Key)
	if err != nil {
		return nil, err
	}
	return pkcs12.Modern.Encode(key, certificate, nil, password)
}

// InKeyStore reports whether a store has the certificate.
func InKeyStore(store []byte, password string, p Pair) bool {
	_, found, err := pkcs12.Decode(store, password)
	if err != nil {
		return false
	}
	certificate, err := parse(p.Certificate)
	return err == nil && found.Equal(certificate)
}

// Expiry is the end of a certificate as Strimzi writes it into the name of one that was replaced.
func Expiry(text []byte) (string, error) {
	certificate, err := parse(text)
	if err != nil {
		return "", err
	}
	return certificate.NotAfter.UTC().Format("2006-01-02T15-04-05Z"), nil
}

// Bundle puts certificates in PEM one after another.
func Bundle(certificates ...[]byte) []byte {
	var all bytes.Buffer
	for _, text := range certificates {
		for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
			// A buffer takes everything.
			_ = pem.Encode(&all, block)
		}
	}
	return all.Bytes()
}
