package strimzi

import (
	"context"
	"maps"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/nodes"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/pki"
)

// Keys and annotations of an authority's two Secrets (Ca).
const (
	caCertificate = "ca.crt"
	caKey         = "ca.key"
	caStore       = "ca.p12"
	caPassword    = "ca.password"

	certGeneration = "strimzi.io/ca-cert-generation"
	keyGeneration  = "strimzi.io/ca-key-generation"
	forceReplace   = "strimzi.io/force-replace"
)

// authority signs certificates. Its key is in a Secret that only the operator reads, its certificate in another.
type authority struct {
	*pki.Authority
	// certificates by their names in the Secret: ca.crt, and ca-<end>.crt of one that was replaced.
	certificates                  map[string][]byte
	certGeneration, keyGeneration int
}

// bundle is every certificate, the newest first.
func (a authority) bundle() []byte {
	all := [][]byte{a.certificates[caCertificate]}
	for _, name := range slices.Sorted(maps.Keys(a.certificates)) {
		if name != caCertificate {
			all = append(all, a.certificates[name])
		}
	}
	return pki.Bundle(all...)
}

// authority finds one, or makes what is missing of it.
func (o objects) authority(ctx context.Context, c *nodes.Cluster, keySecret, certSecret, name string) (authority, error) {
	keys, err := o.findSecret(ctx, c.Meta(keySecret))
	if err != nil {
		return authority{}, err
	}
	certs, err := o.findSecret(ctx, c.Meta(certSecret))
	if err != nil {
		return authority{}, err
	}
	a := authority{
		certificates: map[string][]byte{}, certGeneration: generation(certs, certGeneration), keyGeneration: generation(keys, keyGeneration),
	}
	for file, body := range certs.Data {
		if isCertificate(file) {
			a.certificates[file] = body
		}
	}
	key := keys.Data[caKey]
	if len(key) == 0 || keys.Annotations[forceReplace] == "true" {
		if key, err = o.newKey(ctx, c, keySecret, &a); err != nil {
			return a, err
		}
	}
	if a.Authority, err = pki.Load(pki.Pair{Certificate: a.certificates[caCertificate], Key: key}); err != nil {
		if a, err = renewed(a, name, key); err != nil {
			return a, err
		}
	}
	return a, o.writeCertificates(ctx, c, certSecret, a, certs.Data)
}

// newKey counts the key's generation up if there was one before.
func (o objects) newKey(ctx context.Context, c *nodes.Cluster, secret string, a *authority) ([]byte, error) {
	if len(a.certificates[caCertificate]) > 0 {
		a.keyGeneration++
	}
	key, err := pki.NewKey()
	if err != nil {
		return nil, err
	}
	meta := c.Meta(secret)
	meta.Annotations[keyGeneration] = strconv.Itoa(a.keyGeneration)
	return key, o.put(ctx, &corev1.Secret{ObjectMeta: meta, Type: corev1.SecretTypeOpaque, Data: map[string][]byte{caKey: key}})
}

// renewed has a certificate for the key. The one before it is kept under its end, for those who were signed by it.
func renewed(a authority, name string, key []byte) (authority, error) {
	if old := a.certificates[caCertificate]; len(old) > 0 {
		end, err := pki.Expiry(old)
		if err != nil {
			return a, err
		}
		a.certificates["ca-"+end+".crt"] = old
		a.certGeneration++
	}
	certificate, err := pki.NewAuthority(name, key)
	if err != nil {
		return a, err
	}
	a.certificates[caCertificate] = certificate
	a.Authority, err = pki.Load(pki.Pair{Certificate: certificate, Key: key})
	return a, err
}

// writeCertificates writes them in PEM and as a trust store, unless the Secret has them so.
func (o objects) writeCertificates(ctx context.Context, c *nodes.Cluster, name string, a authority, have map[string][]byte) error {
	store, password := have[caStore], string(have[caPassword])
	if pki.InTrustStore(store, password, a.certificates) && len(have) == len(a.certificates)+2 {
		return nil
	}
	password = pki.NewPassword()
	store, err := pki.TrustStore(a.certificates, password)
	if err != nil {
		return err
	}
	data := maps.Clone(a.certificates)
	data[caStore], data[caPassword] = store, []byte(password)
	meta := c.Meta(name)
	meta.Annotations[certGeneration] = strconv.Itoa(a.certGeneration)
	return o.put(ctx, &corev1.Secret{ObjectMeta: meta, Type: corev1.SecretTypeOpaque, Data: data})
}

// generation is 0 for a Secret that does not say.
func generation(secret *corev1.Secret, annotation string) int {
	n, err := strconv.Atoi(secret.GetAnnotations()[annotation])
	if err != nil {
		return 0
	}
	return n
}
