package cluster

import (
	"crypto/x509"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/lab/internal/paths"
	"github.com/scalestack/scalestack/lab/internal/proc"
)

func newPaths(t *testing.T) paths.Paths {
	t.Helper()
	p := paths.Paths{Repo: t.TempDir(), Home: t.TempDir()}
	require.NoError(t, EnsurePKI(p, MaxNodes))
	return p
}

func TestCertificatesVerify(t *testing.T) {
	p := newPaths(t)
	ca, err := readCertificate(p.PKI("ca.crt"))
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	for _, id := range identitiesOf(MaxNodes) {
		certificate, err := readCertificate(p.PKI(id.file + ".crt"))
		require.NoError(t, err)
		require.Equal(t, id.name, certificate.Subject.CommonName)
		for _, host := range slices.Concat(id.hosts, []string{""}) {
			_, err = certificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
			require.NoError(t, err, "%s as %q", id.file, host)
		}
	}
}

// A front-proxy certificate speaks for other users: the cluster's CA must not
// be able to sign one.
func TestFrontProxyHasItsOwnAuthority(t *testing.T) {
	p := newPaths(t)
	ca, err := readCertificate(p.PKI("ca.crt"))
	require.NoError(t, err)
	proxy, err := readCertificate(p.PKI(frontProxy.file + ".crt"))
	require.NoError(t, err)
	require.Error(t, proxy.CheckSignatureFrom(ca))
}

func TestEnsurePKIKeepsWhatIsThere(t *testing.T) {
	p := newPaths(t)
	before, err := os.ReadFile(p.PKI("admin.crt"))
	require.NoError(t, err)
	require.NoError(t, EnsurePKI(p, MaxNodes))
	after, err := os.ReadFile(p.PKI("admin.crt"))
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestConfigsAreComplete(t *testing.T) {
	p := newPaths(t)
	require.NoError(t, WriteConfigs(p, "scalestack/pause:lab", 1))
	network, err := os.ReadFile(p.Config("cni/10-scalestack.conflist"))
	require.NoError(t, err)
	require.True(t, json.Valid(network), "%s", network)
	for _, client := range kubeconfigs {
		info, err := os.Stat(p.Kubeconfig(client))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), client)
		require.FileExists(t, p.PKI(client+".crt"))
	}
}

// VictoriaMetrics is bound by a flag of its own name.
func TestTheMetricsAreForThisMachine(t *testing.T) {
	p := newPaths(t)
	require.NoError(t, WriteConfigs(p, "scalestack/pause:lab", 1))
	require.Contains(t, metricsStoreSpec(p).Args, "-httpListenAddr=127.0.0.1:18428")
	scrape, err := os.ReadFile(p.Config("scrape.yaml"))
	require.NoError(t, err)
	require.Contains(t, string(scrape), "kubeconfig_file: "+p.Kubeconfig(metricsStore)+"}")
	// $1_db would be the group called 1_db.
	require.NotRegexp(t, `\$[0-9]`, string(scrape))
}

// Pods have no route but to each other and to services: what runs in the lab
// cannot reach anything outside the machine.
func TestPodsHaveNoDefaultRoute(t *testing.T) {
	p := newPaths(t)
	require.NoError(t, WriteConfigs(p, "scalestack/pause:lab", 1))
	network, err := os.ReadFile(p.Config("cni/10-scalestack.conflist"))
	require.NoError(t, err)
	require.NotContains(t, string(network), "0.0.0.0/0")
	require.Contains(t, string(network), serviceCIDR)
}

func TestNothingListensOnEveryAddress(t *testing.T) {
	p := newPaths(t)
	for _, spec := range []proc.Spec{
		etcdSpec(p), apiServerSpec(p), controllerManagerSpec(p), schedulerSpec(p), metricsServerSpec(p), kubeStateSpec(p), kedaAdapterSpec(p),
	} {
		require.NotContains(t, spec.Args, "--bind-address=0.0.0.0", spec.Name)
		require.True(t, slices.ContainsFunc(spec.Args, isBound), "%s binds nowhere in particular", spec.Name)
	}
}

func isBound(arg string) bool {
	return slices.Contains([]string{"--bind-address=" + bridgeIP, "--host=127.0.0.1", "--bind-address=127.0.0.1", "--listen-client-urls=" + etcd}, arg)
}
