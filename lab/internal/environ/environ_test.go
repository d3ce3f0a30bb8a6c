package environ

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// restore puts the environment back after a test that isolates this process.
func restore(t *testing.T) {
	before := os.Environ()
	t.Cleanup(func() {
		os.Clearenv()
		for _, entry := range before {
			name, value, _ := strings.Cut(entry, "=")
			require.NoError(t, os.Setenv(name, value))
		}
	})
}

func TestIsolateKeepsRegistriesAndNothingElse(t *testing.T) {
	restore(t)
	for name, value := range map[string]string{
		"KUBECONFIG": "/home/me/prod", "KUBERNETES_SERVICE_HOST": "10.0.0.1", "PULUMI_ACCESS_TOKEN": "t", "PULUMI_K8S_CLIENT_QPS": "1", "HELM_KUBECONTEXT": "prod",
		"CLOUDFLARE_API_KEY": "k", "SCALESTACK_IMAGES": "x", "GOFLAGS": "-mod=mod", "GOWORK": "/w", "GOOS": "plan9",
		"UNKNOWN": "1", "GOPROXY": "https://proxy.test", "HTTPS_PROXY": "http://proxy.test", "NO_PROXY": "corp.test",
	} {
		t.Setenv(name, value)
	}
	require.NoError(t, Isolate())
	for _, name := range []string{
		"KUBECONFIG", "KUBERNETES_SERVICE_HOST", "PULUMI_ACCESS_TOKEN", "PULUMI_K8S_CLIENT_QPS", "HELM_KUBECONTEXT", "CLOUDFLARE_API_KEY",
		"SCALESTACK_IMAGES", "UNKNOWN",
	} {
		_, set := os.LookupEnv(name)
		require.False(t, set, name)
	}
	for _, entry := range Build {
		require.Contains(t, os.Environ(), entry)
	}
	require.Contains(t, os.Environ(), NoKuberc)
	require.Equal(t, "https://proxy.test", os.Getenv("GOPROXY"))
	require.Equal(t, "http://proxy.test", os.Getenv("HTTPS_PROXY"))
	require.Equal(t, "corp.test,"+Direct, os.Getenv("NO_PROXY"), "the API server is not asked through a proxy")
}
