package strimzi

import (
	"context"
	"crypto/x509/pkix"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/nodes"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/pki"
)

// certificates are those of one cluster.
type certificates struct {
	// bundle are all certificates that the nodes' may be signed by: two while the authority's key is replaced.
	bundle []byte
	// current is the newest of them.
	current []byte
	// operator is the operator's own.
	operator pki.Pair
	// trust is what the nodes' pods and the exporter's are started with.
	trust nodes.Trust
	// replaced tells that an older authority's certificate is kept until no node uses it.
	replaced bool
}

// ensureCertificates makes what is missing. After a new key of the authority no certificate is signed with it before
// every node trusts it (CaReconciler).
func (o objects) ensureCertificates(ctx context.Context, c *nodes.Cluster) (made certificates, err error) {
	cluster, err := o.authority(ctx, c, c.CAKeySecret(), c.CASecret(), "cluster-ca")
	if err != nil {
		return made, err
	}
	clients, err := o.authority(ctx, c, c.ClientsCAKeySecret(), c.ClientsCASecret(), "clients-ca")
	if err != nil {
		return made, err
	}
	trusted, err := o.trusted(ctx, c, cluster.keyGeneration)
	if err != nil {
		return made, err
	}
	made.bundle, made.current = cluster.bundle(), cluster.certificates[caCertificate]
	made.replaced = trusted && len(cluster.certificates) > 1
	issuer := issuer{objects: o, cluster: c, by: cluster.Authority, keep: !trusted}
	brokers, err := issuer.issue(ctx, c.BrokersSecret(), nodeIdentities(c))
	if err != nil {
		return made, err
	}
	made.trust = nodes.Trust{
		CACert: cluster.certGeneration, CAKey: cluster.keyGeneration, ClientsCACert: clients.certGeneration, Certificates: map[string][]byte{},
	}
	for pod := range nodeIdentities(c) {
		made.trust.Certificates[pod] = brokers[pod+".crt"]
	}
	own, err := issuer.issue(ctx, c.OperatorSecret(), map[string]identity{nodes.OperatorIdentity: {name: pki.Internal(nodes.OperatorIdentity)}})
	if err != nil {
		return made, err
	}
	made.operator = pairOf(own, nodes.OperatorIdentity)
	for _, container := range c.Operators() {
		names := map[string]identity{"entity-operator": {name: pki.Internal(nodes.EntityIdentity(container))}}
		if _, err := issuer.issue(ctx, c.EntitySecret(container), names); err != nil {
			return made, err
		}
	}
	if c.Spec.KafkaExporter == nil {
		return made, nil
	}
	exporter, err := issuer.issue(ctx, c.ExporterSecret(), map[string]identity{nodes.ExporterFile: {name: pki.Internal(c.Exporter())}})
	made.trust.Certificates[c.Exporter()] = exporter[nodes.ExporterFile+".crt"]
	return made, err
}

// trusted reports whether every pod was started with the authority's newest key.
func (o objects) trusted(ctx context.Context, c *nodes.Cluster, generation int) (bool, error) {
	pods := &corev1.PodList{}
	if err := o.Fresh.List(ctx, pods, client.InNamespace(c.Namespace), client.MatchingLabels{api.ClusterLabel: c.Name, api.NameLabel: c.Component()}); err != nil {
		return false, err
	}
	for _, pod := range pods.Items {
		if pod.Annotations[nodes.CAKeyGeneration] != fmt.Sprint(generation) {
			return false, nil
		}
	}
	return true, nil
}

// forgetReplaced drops the older authority's certificate, once no node is signed by it any more
// (CaReconciler.maybeRemoveOldClusterCaCertificates).
func (o objects) forgetReplaced(ctx context.Context, c *nodes.Cluster, made certificates) error {
	if !made.replaced {
		return nil
	}
	secret, err := o.findSecret(ctx, c.Meta(c.CASecret()))
	if err != nil || secret == nil {
		return err
	}
	a := authority{certificates: map[string][]byte{caCertificate: made.current}, certGeneration: generation(secret, certGeneration)}
	return o.writeCertificates(ctx, c, c.CASecret(), a, secret.Data)
}

func nodeIdentities(c *nodes.Cluster) map[string]identity {
	names := map[string]identity{}
	for _, p := range c.Pools {
		for _, id := range p.IDs {
			pod := c.PodName(p, id)
			names[pod] = identity{pki.Internal(c.NodeIdentity()), c.Hosts(pod)}
		}
	}
	return names
}

// identity is what a certificate is for.
type identity struct {
	name  pkix.Name
	hosts []string
}

// issuer signs for the cluster's own parts.
type issuer struct {
	objects
	cluster *nodes.Cluster
	by      *pki.Authority
	// keep leaves certificates of another authority as they are.
	keep bool
}

// issue keeps the certificates that fit.
func (i issuer) issue(ctx context.Context, secret string, names map[string]identity) (map[string][]byte, error) {
	have, err := i.secret(ctx, i.cluster.Meta(secret))
	if err != nil {
		return nil, err
	}
	data, changed := map[string][]byte{}, len(have) != 4*len(names)
	for file, id := range names {
		pair := pairOf(have, file)
		keep := i.keep && len(pair.Certificate) > 0 && len(pair.Key) > 0
		if !keep && !i.by.Fits(pair, id.name, id.hosts) {
			if pair, err = i.by.Issue(id.name, id.hosts); err != nil {
				return nil, err
			}
			changed = true
		}
		if err := addKeyStore(data, have, file, pair); err != nil {
			return nil, err
		}
	}
	if !changed {
		return data, nil
	}
	return data, i.put(ctx, &corev1.Secret{ObjectMeta: i.cluster.Meta(secret), Type: corev1.SecretTypeOpaque, Data: data})
}

// addKeyStore adds a pair in PEM and as a key store, which stays as it is while it has the pair.
func addKeyStore(data, have map[string][]byte, file string, pair pki.Pair) error {
	store, password := have[file+".p12"], string(have[file+".password"])
	if !pki.InKeyStore(store, password, pair) {
		var err error
		password = pki.NewPassword()
		if store, err = pki.KeyStore(pair, password); err != nil {
			return err
		}
	}
	maps.Copy(data, map[string][]byte{
		file + ".crt": pair.Certificate, file + ".key": pair.Key, file + ".p12": store, file + ".password": []byte(password),
	})
	return nil
}

func pairOf(data map[string][]byte, file string) pki.Pair {
	return pki.Pair{Certificate: slices.Clone(data[file+".crt"]), Key: slices.Clone(data[file+".key"])}
}

// isCertificate reports whether a key of an authority's Secret is a certificate.
func isCertificate(name string) bool { return strings.HasSuffix(name, ".crt") }
