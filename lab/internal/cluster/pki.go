package cluster

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/scalestack/scalestack/lab/internal/paths"
)

// lifetime is longer than any lab lives: nothing renews a certificate here.
const lifetime = 10 * 365 * 24 * time.Hour

// identity is one certificate: a client's name and groups, or a server's names
// and addresses, or both.
type identity struct {
	file   string
	name   string
	groups []string
	hosts  []string
}

// identities are signed by the cluster's CA, as are the nodes'.
var identities = []identity{
	{file: "apiserver", name: "kube-apiserver", hosts: []string{
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", apiService, bridgeIP,
	}},
	{file: "etcd", name: "etcd", hosts: []string{"127.0.0.1"}},
	{file: "apiserver-etcd", name: "kube-apiserver"},
	{file: "apiserver-kubelet", name: "kube-apiserver-kubelet", groups: []string{"system:masters"}},
	{file: "metrics-server-server", name: "metrics-server", hosts: []string{"metrics-server.kube-system.svc"}},
	{file: "admin", name: "lab-admin", groups: []string{"system:masters"}},
	{file: "kube-controller-manager", name: "system:kube-controller-manager"},
	{file: "kube-scheduler", name: "system:kube-scheduler"},
	{file: "kube-proxy", name: "system:kube-proxy"},
	{file: "coredns", name: "system:coredns"},
	{file: "metrics-server", name: "system:metrics-server"},
	{file: "volume-provisioner", name: "system:volume-provisioner"},
	{file: policyProgram, name: "system:" + policyProgram},
	{file: operatorName, name: "system:" + operatorName},
	{file: metricsStore, name: "system:" + metricsStore},
	{file: kubeStateName, name: "system:" + kubeStateName},
	{file: gatewayName, name: "system:" + gatewayName},
	{file: gatewayServer, name: "example.com", hosts: []string{"*.example.com"}},
	{file: kedaName, name: "system:" + kedaName, hosts: []string{"localhost", kedaService + "." + kedaName + ".svc"}},
}

// frontProxy vouches for requests that the API server forwards; it has a CA of
// its own, so that no other certificate can speak for somebody else.
var frontProxy = identity{file: "front-proxy-client", name: "front-proxy-client"}

// identitiesOf are the identities of a lab of so many nodes.
func identitiesOf(count int) []identity {
	all := slices.Clone(identities)
	for _, n := range nodesOf(count) {
		all = append(all,
			identity{file: n.program("kubelet-server"), name: n.name(), hosts: []string{n.name(), n.ip()}},
			identity{file: n.program("kubelet"), name: "system:node:" + n.name(), groups: []string{"system:nodes"}})
	}
	return all
}

// EnsurePKI creates the missing keys and certificates of a lab with that many nodes.
func EnsurePKI(p paths.Paths, count int) error {
	if err := os.MkdirAll(p.PKI(""), 0o700); err != nil {
		return err
	}
	if err := ensureKey(p.PKI("service-account.key")); err != nil {
		return err
	}
	authority, err := ensureCA(p, "ca")
	if err != nil {
		return err
	}
	for _, id := range identitiesOf(count) {
		if err := authority.ensure(p, id); err != nil {
			return err
		}
	}
	frontCA, err := ensureCA(p, "front-proxy-ca")
	if err != nil {
		return err
	}
	return frontCA.ensure(p, frontProxy)
}

type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

func ensureCA(p paths.Paths, name string) (*authority, error) {
	keyFile, certFile := p.PKI(name+".key"), p.PKI(name+".crt")
	if err := ensureKey(keyFile); err != nil {
		return nil, err
	}
	key, err := readKey(keyFile)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(certFile); errors.Is(err, os.ErrNotExist) {
		template := newTemplate("scalestack lab " + name)
		template.IsCA, template.BasicConstraintsValid = true, true
		template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
		if err := sign(certFile, template, template, key.Public(), key); err != nil {
			return nil, err
		}
	}
	certificate, err := readCertificate(certFile)
	return &authority{certificate, key}, err
}

func (a *authority) ensure(p paths.Paths, id identity) error {
	certFile, keyFile := p.PKI(id.file+".crt"), p.PKI(id.file+".key")
	if _, err := os.Stat(certFile); err == nil {
		return nil
	}
	if err := ensureKey(keyFile); err != nil {
		return err
	}
	key, err := readKey(keyFile)
	if err != nil {
		return err
	}
	template := newTemplate(id.name)
	template.Subject.Organization = id.groups
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	for _, host := range id.hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return sign(certFile, template, a.certificate, key.Public(), a.key)
}

func newTemplate(name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(lifetime),
	}
}

func sign(file string, template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) error {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return err
	}
	return writePEM(file, "CERTIFICATE", der)
}

func ensureKey(file string) error {
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(file, "EC PRIVATE KEY", der)
}

func readKey(file string) (crypto.Signer, error) {
	der, err := readPEM(file)
	if err != nil {
		return nil, err
	}
	return x509.ParseECPrivateKey(der)
}

func readCertificate(file string) (*x509.Certificate, error) {
	der, err := readPEM(file)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func readPEM(file string) ([]byte, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, errors.New(filepath.Base(file) + " holds no PEM block")
	}
	return block.Bytes, nil
}

// writePEM renames into place: a file that a kill cut short is never read.
func writePEM(file, kind string, der []byte) error {
	content := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(file+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
