package postgres

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
	"github.com/scalestack/scalestack/components/k8s"
)

func withTLS(mode k8s.TLSMode) func(*Args) {
	return func(a *Args) { a.TLS = &TLS{TLS: k8s.TLS{Secret: "shards-tls", Mode: mode}} }
}

func TestTLSMistakes(t *testing.T) {
	for want, given := range map[string]k8s.TLS{
		"tls: Required value: one of secret and issuer":                                                                                           {},
		"tls.secret: Forbidden: is given together with issuer, which makes its own":                                                               {Secret: "a", Issuer: &k8s.Issuer{Name: "b"}},
		`tls.mode: Unsupported value: "prefer": supported values: "offer", "require"`:                                                             {Secret: "a", Mode: "prefer"},
		"tls.issuer.name: Required value: a DNS label: at most 63 lower-case letters, digits and '-', with a letter or digit at both ends":        {Issuer: &k8s.Issuer{}},
		`tls.issuer.kind: Unsupported value: "CA": supported values: "Issuer", "ClusterIssuer"`:                                                   {Issuer: &k8s.Issuer{Name: "b", Kind: "CA"}},
		"tls.issuer.durationHours: Invalid value: 1: must be between 24 and 87600":                                                                {Issuer: &k8s.Issuer{Name: "b", DurationHours: 1}},
		`tls.secret: Invalid value: "A": must be a DNS label: at most 63 lower-case letters, digits and '-', with a letter or digit at both ends`: {Secret: "A"},
	} {
		require.EqualError(t, (&Args{Shards: []int{0}, TLS: &TLS{TLS: given}}).Validate(), want)
	}
	settings := &Args{Shards: []int{0}, Settings: map[string]string{"ssl": "off"}}
	require.NoError(t, settings.Validate(), "without TLS of the component")
	withTLS("")(settings)
	require.EqualError(t, settings.Validate(), "settings.ssl: Forbidden: is decided by the component")
	require.Equal(t, k8s.TLSRequire, (&Args{TLS: &TLS{TLS: k8s.TLS{Secret: "a"}}}).withDefaults().TLS.Mode)
}

// A new line of pg_hba.conf that lets clear text in must not go unseen.
func TestEveryRemoteLineAsksForTLS(t *testing.T) {
	for _, members := range []bool{false, true} {
		for _, mode := range []k8s.TLSMode{"", k8s.TLSOffer, k8s.TLSRequire} {
			p := testPlan(func(a *Args) {
				if mode != "" {
					withTLS(mode)(a)
				}
				if members {
					threeMembers(a)
				}
			})
			for line := range strings.Lines(restartingFiles(p)["pg_hba.conf"]) {
				if strings.HasPrefix(line, "local") || strings.HasPrefix(line, "#") {
					continue
				}
				require.Equal(t, mode == k8s.TLSRequire, strings.HasPrefix(line, "hostssl "), "%q with %q", line, mode)
			}
		}
	}
}

// Only what a server reads at its start may restart it: the way from offer to require is
// one that its sessions survive.
func TestRequiringTLSRestartsNothing(t *testing.T) {
	require.Equal(t, restartingChecksums(t, k8s.TLSOffer), restartingChecksums(t, k8s.TLSRequire))
}

// restartingChecksums are the checksums on the pod templates.
func restartingChecksums(t *testing.T, mode k8s.TLSMode) []string {
	t.Helper()
	args := &Args{Shards: []int{0, 1}}
	withTLS(mode)(args)
	record := run(t, args)
	var all []string
	for _, set := range []string{"postgres-shard-0", "postgres-shard-1"} {
		value, ok := kubetest.Value(record.Get(t, "StatefulSet", set), "spec.template.metadata.annotations")
		require.True(t, ok)
		text, err := json.Marshal(value.Mappable())
		require.NoError(t, err)
		all = append(all, string(text))
	}
	return all
}

func TestTheComponentsClientsVerify(t *testing.T) {
	args := &Args{Shards: []int{0, 1}, Exporter: &Exporter{}}
	withTLS(k8s.TLSRequire)(args)
	record := run(t, args)
	for _, job := range []string{"postgres-shard-0-gate", "postgres-rollout", "postgres-clients", "postgres-monitor"} {
		require.Equal(t, "verify-full", jobEnv(named(t, record, job), "PGSSLMODE"), job)
		require.NotEmpty(t, jobEnv(named(t, record, job), "PGSSLROOTCERT"), job)
	}
	require.Equal(t, "refused", jobEnv(named(t, record, "postgres-rollout"), "CLEARTEXT"))
	require.Contains(t, jobEnv(named(t, record, "postgres-shard-0-gate"), "CERTIFICATE"), "tls.sh")
	file, ok := kubetest.Value(record.Get(t, "Secret", "postgres-exporter"), "stringData")
	require.True(t, ok)
	require.Contains(t, file.String(), "sslmode: verify-full, sslrootcert: /etc/shards-ca/ca.crt")
	record.RequireNoPlainSecret(t, kubetest.Password)
}

// The servers change only after nobody is left who would be refused.
func TestServersWaitForTheirClients(t *testing.T) {
	for _, rollout := range []Rollout{RolloutSerial, RolloutParallel} {
		args := &Args{Shards: []int{0, 1}, Rollout: rollout}
		withTLS(k8s.TLSRequire)(args)
		record := run(t, args)
		for _, config := range []string{"postgres-shard-0-config", "postgres-shard-1-config"} {
			require.Contains(t, needs(named(t, record, config)), "postgres-clients")
		}
		require.Equal(t, 2, strings.Count(jobEnv(named(t, record, "postgres-clients"), "SHARDS"), "\n"))
		withTLS(k8s.TLSOffer)(args)
		require.NotContains(t, strings.Join(run(t, args).Names(), "\n"), "postgres-clients")
	}
}

// The Job that looks for clients would wait for a shard that is down, and so keep away what repairs it.
func TestClientsAreLookedForWhenTheServersAreOthers(t *testing.T) {
	name := func(change func(*Args)) string {
		args := &Args{Shards: []int{0, 1}, MaxConnections: 100, Image: pulumi.String(patroniImage)}
		withTLS(k8s.TLSRequire)(args)
		change(args)
		return kubetest.Text(named(t, run(t, args), "postgres-clients"), "metadata.name")
	}
	before := name(func(*Args) {})
	for what, change := range map[string]func(*Args){
		"a setting":   func(a *Args) { a.Settings = map[string]string{"shared_preload_libraries": "pg_stat_statments"} },
		"connections": func(a *Args) { a.MaxConnections = 90 },
		"memory":      func(a *Args) { a.Resources.Memory = "2Gi" },
		"an image":    func(a *Args) { a.Image = pulumi.String(builtImage) },
	} {
		require.Equal(t, before, name(change), what)
	}
	require.NotEqual(t, before, name(func(a *Args) { a.Shards = []int{0, 1, 2} }))
	require.NotEqual(t, before, name(func(a *Args) { a.Members = 3 }))
}

// The key is for the servers and for the Job that looks at it first.
func TestWhoGetsTheKey(t *testing.T) {
	args := &Args{Shards: []int{0}, Exporter: &Exporter{}}
	withTLS(k8s.TLSRequire)(args)
	for _, one := range run(t, args).All() {
		volumes, ok := kubetest.Value(one, "spec.template.spec.volumes")
		if !ok || !strings.Contains(volumes.String(), "shards-tls") {
			continue
		}
		whole := !strings.Contains(volumes.String(), "ca.crt")
		require.Equal(t, slices.Contains([]string{"postgres-shard-0", "postgres-shard-0-gate"}, one.Name), whole, one.Name)
	}
}

// tests/schema holds the same file against cert-manager's own schema.
func TestAnIssuerMakesOneCertificateForAllShards(t *testing.T) {
	args := &Args{Shards: []int{0, 7}, TLS: &TLS{TLS: k8s.TLS{Issuer: &k8s.Issuer{Name: "internal"}}}}
	record := run(t, args)
	certificate := named(t, record, "postgres-certificate")
	made, ok := kubetest.Value(certificate, "")
	require.True(t, ok)
	found, err := json.Marshal(made.Mappable())
	require.NoError(t, err)
	want, err := os.ReadFile("testdata/certificate.json")
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(found))
	require.Contains(t, needs(named(t, record, "postgres-shard-0-gate")), "postgres-certificate")
}

// Each server asks for the names under which it is reached, and the certificate has them.
func TestMembersAreReachedByName(t *testing.T) {
	args := &Args{Shards: []int{0}, TLS: &TLS{TLS: k8s.TLS{Issuer: &k8s.Issuer{Name: "internal"}}}}
	threeMembers(args)
	record := run(t, args)
	names, ok := kubetest.Value(named(t, record, "postgres-certificate"), "spec.dnsNames")
	require.True(t, ok)
	require.Len(t, names.ArrayValue(), 6)
	const pod = "postgres-shard-0-m2-0.postgres-shard-0-headless.scalestack.svc.cluster.local"
	set := record.Get(t, "StatefulSet", "postgres-shard-0-m2")
	containers, ok := kubetest.Value(set, "spec.template.spec.containers")
	require.True(t, ok)
	require.Contains(t, containers.String(), pod+":5432", "connect_address")
	require.Len(t, containers.ArrayValue(), 3)

	var passwords map[string]any
	require.NoError(t, json.Unmarshal([]byte(patroniSecrets(args, login{AdminRole, "a"}, login{replicatorRole, "b"}, "c")), &passwords))
	for _, use := range []string{"superuser", "replication", "rewind"} {
		login := passwords["postgresql"].(map[string]any)["authentication"].(map[string]any)[use].(map[string]any)
		require.Equal(t, "verify-full", login["sslmode"], use)
		require.Equal(t, AuthorityPath, login["sslrootcert"], use)
	}
}

func TestTheProbeLooksForANewCertificate(t *testing.T) {
	command := func(change func(*Args)) string {
		probe := serverContainer(testPlan(change)).ReadinessProbe.(*corev1.ProbeArgs)
		parts := probe.Exec.(*corev1.ExecActionArgs).Command.(pulumi.StringArray)
		return string(parts[len(parts)-1].(pulumi.String))
	}
	require.Equal(t, isReady, command(nil))
	require.Equal(t, "sh /etc/postgresql/tls.sh look; "+isReady, command(withTLS("")), "its own failure makes no server unready")
}

// The kubelet and the other members ask Patroni the way it answers.
func TestPatronisAPIHasTheServersTLS(t *testing.T) {
	for mode, address := range map[k8s.TLSMode]string{
		"":           "$(PATRONI_KUBERNETES_POD_IP):8008",
		k8s.TLSOffer: "postgres-shard-0-m1-0.postgres-shard-0-headless.apps.svc.cluster.local:8008",
	} {
		args := &Args{Shards: []int{0}, Namespace: pulumi.String("apps")}
		threeMembers(args)
		if mode != "" {
			withTLS(mode)(args)
		}
		value, ok := kubetest.Value(run(t, args).Get(t, "StatefulSet", "postgres-shard-0-m1"), "spec.template.spec.containers")
		require.True(t, ok)
		text, err := json.Marshal(value.Mappable())
		require.NoError(t, err)
		require.Contains(t, string(text), fmt.Sprintf(`{"name":"PATRONI_RESTAPI_CONNECT_ADDRESS","value":%q}`, address))
		require.Equal(t, 3, strings.Count(string(text), `"httpGet":`))
		require.Equal(t, map[bool]int{true: 3}[mode != ""], strings.Count(string(text), `"scheme":"HTTPS"`))
	}
}
