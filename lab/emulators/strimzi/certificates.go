package strimzi

import (
	"bytes"
	"context"
	"crypto/x509/pkix"

	corev1 "k8s.io/api/core/v1"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/nodes"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/pki"
)

// Keys of Secrets.
const (
	caCertificate = "ca.crt"
	caKey         = "ca.key"
)

// certificates are those of one cluster.
type certificates struct {
	// ca is the authority of the nodes.
	ca []byte
	// authorities are that one and the users', by their Secrets' names.
	authorities map[string][]byte
	// operator is the operator's own.
	operator pki.Pair
}

// ensureCertificates makes what is missing.
func (o objects) ensureCertificates(ctx context.Context, c *nodes.Cluster) (made certificates, err error) {
	cluster, ca, err := o.authority(ctx, c, c.Name+"-cluster-ca", c.CASecret(), "cluster-ca")
	if err != nil {
		return made, err
	}
	_, clients, err := o.authority(ctx, c, c.ClientsCAKeySecret(), c.ClientsCASecret(), "clients-ca")
	if err != nil {
		return made, err
	}
	made.ca, made.authorities = ca, map[string][]byte{c.CASecret(): ca, c.ClientsCASecret(): clients}
	names := map[string]identity{}
	for _, p := range c.Pools {
		for _, id := range p.IDs {
			pod := c.Pod(p, id)
			names[pod] = identity{pki.Internal(c.NodeIdentity()), c.Hosts(pod)}
		}
	}
	if _, err = o.issue(ctx, c, cluster, c.BrokersSecret(), names); err != nil {
		return made, err
	}
	own, err := o.issue(ctx, c, cluster, c.Name+"-cluster-operator-certs",
		map[string]identity{nodes.OperatorIdentity: {name: pki.Internal(nodes.OperatorIdentity)}})
	made.operator = pairOf(own, nodes.OperatorIdentity)
	return made, err
}

// authority has its key in a Secret that only the operator reads, and its certificate in another.
func (o objects) authority(ctx context.Context, c *nodes.Cluster, keySecret, certSecret, name string) (*pki.Authority, []byte, error) {
	keys, err := o.secret(ctx, c.Meta(keySecret))
	if err != nil {
		return nil, nil, err
	}
	key := keys[caKey]
	if len(key) == 0 {
		if key, err = pki.NewKey(); err != nil {
			return nil, nil, err
		}
		if err := o.applySecret(ctx, c, keySecret, map[string][]byte{caKey: key}); err != nil {
			return nil, nil, err
		}
	}
	found, err := o.secret(ctx, c.Meta(certSecret))
	if err != nil {
		return nil, nil, err
	}
	certificate := found[caCertificate]
	if authority, err := pki.Load(pki.Pair{Certificate: certificate, Key: key}); err == nil {
		return authority, certificate, nil
	}
	if certificate, err = pki.NewAuthority(name, key); err != nil {
		return nil, nil, err
	}
	if err := o.applySecret(ctx, c, certSecret, map[string][]byte{caCertificate: certificate}); err != nil {
		return nil, nil, err
	}
	authority, err := pki.Load(pki.Pair{Certificate: certificate, Key: key})
	return authority, certificate, err
}

// identity is what a certificate is for.
type identity struct {
	name  pkix.Name
	hosts []string
}

// issue keeps the certificates that fit.
func (o objects) issue(ctx context.Context, c *nodes.Cluster, by *pki.Authority, secret string, names map[string]identity) (map[string][]byte, error) {
	have, err := o.secret(ctx, c.Meta(secret))
	if err != nil {
		return nil, err
	}
	data, changed := map[string][]byte{}, len(have) != 2*len(names)
	for file, id := range names {
		pair := pairOf(have, file)
		if !by.Fits(pair, id.name, id.hosts) {
			if pair, err = by.Issue(id.name, id.hosts); err != nil {
				return nil, err
			}
			changed = true
		}
		data[file+".crt"], data[file+".key"] = pair.Certificate, pair.Key
	}
	if !changed {
		return data, nil
	}
	return data, o.applySecret(ctx, c, secret, data)
}

func pairOf(data map[string][]byte, file string) pki.Pair {
	return pki.Pair{Certificate: bytes.Clone(data[file+".crt"]), Key: bytes.Clone(data[file+".key"])}
}

func (o objects) applySecret(ctx context.Context, c *nodes.Cluster, name string, data map[string][]byte) error {
	return o.apply(ctx, &corev1.Secret{ObjectMeta: c.Meta(name), Type: corev1.SecretTypeOpaque, Data: data})
}
