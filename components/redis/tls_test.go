package redis

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
	"github.com/scalestack/scalestack/components/k8s"
)

func withTLS(mode k8s.TLSMode) *Args {
	return &Args{TLS: &k8s.TLS{Secret: "cache-tls", Mode: mode}, Exporter: &Exporter{},
		IngressFrom: []k8s.Peer{{Pods: pulumi.StringMap{"app": pulumi.String("shop")}}}}
}

func TestTLSMistakes(t *testing.T) {
	for want, given := range map[string]k8s.TLS{
		"tls: Required value: one of secret and issuer":                               {},
		`tls.mode: Unsupported value: "prefer": supported values: "offer", "require"`: {Secret: "a", Mode: "prefer"},
	} {
		require.EqualError(t, (&Args{TLS: &given}).Validate(), want)
	}
	require.Equal(t, k8s.TLSRequire, (&Args{TLS: &k8s.TLS{Secret: "a"}}).withDefaults().TLS.Mode)
}

func TestPortsByMode(t *testing.T) {
	for mode, want := range map[k8s.TLSMode][]string{"": {"6379"}, k8s.TLSOffer: {"6379", "6380"}, k8s.TLSRequire: {"6380"}} {
		args := withTLS(mode)
		if mode == "" {
			args.TLS = nil
		}
		record := run(t, args)
		policy, ok := kubetest.Value(record.Get(t, "NetworkPolicy", "redis"), "spec.ingress")
		require.True(t, ok)
		require.Len(t, policy.ArrayValue(), len(want), mode)
		ports, ok := kubetest.Value(record.Get(t, "Service", "redis"), "spec.ports")
		require.True(t, ok)
		require.Len(t, ports.ArrayValue(), len(want), mode)
		for _, port := range want {
			require.Contains(t, policy.String(), port, mode)
			require.Contains(t, ports.String(), port, mode)
		}
		egress, ok := kubetest.Value(record.Get(t, "NetworkPolicy", "redis-exporter"), "spec.egress")
		require.True(t, ok)
		require.Contains(t, egress.String(), want[len(want)-1], "the exporter uses what is offered")
	}
	config := serverConfig(withTLS(k8s.TLSRequire).withDefaults())
	require.Contains(t, config, "\nport 0\ntls-port 6380\n")
	require.Contains(t, config, "\ntls-auth-clients no\ntls-protocols \"TLSv1.2 TLSv1.3\"\n")
	require.Contains(t, serverConfig(withTLS(k8s.TLSOffer).withDefaults()), "\nport 6379\ntls-port 6380\n")
}

// The Secret with the key is for one container, and probes need none of it.
func TestWhoGetsTheKey(t *testing.T) {
	record := run(t, withTLS(k8s.TLSRequire))
	containers, ok := kubetest.Value(record.Get(t, "Deployment", "redis"), "spec.template.spec.containers")
	require.True(t, ok)
	require.Len(t, containers.ArrayValue(), 2)
	server, keeper := containers.ArrayValue()[0].ObjectValue(), containers.ArrayValue()[1].ObjectValue()
	require.NotContains(t, server["volumeMounts"].String(), tlsSource)
	require.Contains(t, keeper["volumeMounts"].String(), tlsSource)
	for _, probe := range []string{"startupProbe", "readinessProbe", "livenessProbe"} {
		command, ok := kubetest.Value(record.Get(t, "Deployment", "redis"), "spec.template.spec.containers[0]."+probe+".exec.command")
		require.True(t, ok)
		text := command.String()
		require.Contains(t, text, "-s "+socket)
		require.NotContains(t, text, "tls.")
	}
	ready, ok := kubetest.Value(record.Get(t, "Deployment", "redis"), "spec.template.spec.containers[1].readinessProbe.exec.command[2]")
	require.True(t, ok)
	require.Equal(t, "test -s /run/redis/alive", ready.StringValue(), "a Secret that is refused takes no cache away")
	volumes, ok := kubetest.Value(record.Get(t, "Deployment", "redis-exporter"), "spec.template.spec.volumes")
	require.True(t, ok)
	require.Contains(t, volumes.String(), "ca.crt")
	require.NotContains(t, volumes.String(), "tls.key")
	require.NotContains(t, strings.Join(record.Names(), "\n"), "Certificate")
	record.RequireNoPlainSecret(t, kubetest.Password)
}

func TestTheExporterVerifies(t *testing.T) {
	record := run(t, withTLS(k8s.TLSOffer))
	container, ok := kubetest.Value(record.Get(t, "Deployment", "redis-exporter"), "spec.template.spec.containers[0]")
	require.True(t, ok)
	require.Contains(t, container.String(), "rediss://redis.scalestack.svc.cluster.local:6380")
	require.Contains(t, container.String(), "-tls-ca-cert-file=/etc/redis-ca/ca.crt")
	require.NotContains(t, container.String(), "-redis.addr")
	passwords, ok := kubetest.Value(record.Get(t, "Secret", "redis-exporter"), "stringData")
	require.True(t, ok)
	require.Contains(t, passwords.String(), "rediss://monitor@redis.scalestack.svc.cluster.local:6380")
}

func TestAnIssuerMakesTheCertificate(t *testing.T) {
	record := run(t, &Args{TLS: &k8s.TLS{Issuer: &k8s.Issuer{Name: "internal"}}})
	made := record.Get(t, "Certificate", "redis-tls")
	names, ok := kubetest.Value(made, "spec.dnsNames")
	require.True(t, ok)
	require.Equal(t, []any{"redis.scalestack.svc.cluster.local"}, names.Mappable())
	require.Equal(t, "redis-tls", kubetest.Text(made, "spec.secretName"))
	volumes, ok := kubetest.Value(record.Get(t, "Deployment", "redis"), "spec.template.spec.volumes")
	require.True(t, ok)
	require.Contains(t, volumes.String(), "redis-tls")
}

func TestTheAddressSpeaksTLS(t *testing.T) {
	var address string
	kubetest.Run(t, func(ctx *pulumi.Context) error {
		cache, err := New(ctx, "redis", withTLS(k8s.TLSOffer))
		if err != nil {
			return err
		}
		cache.Address.ApplyT(func(value string) string { address = value; return value })
		return nil
	})
	require.Equal(t, "redis.scalestack.svc.cluster.local:6380", address)
}
