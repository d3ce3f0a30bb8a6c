package testenv

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCleanKeepsWhatSteersTests(t *testing.T) {
	dropped := []string{"KUBECONFIG", "KUBERC", "PULUMI_DRY_RUN", "PULUMI_K8S_CLIENT_QPS", "HELM_KUBECONTEXT", "CLOUDFLARE_API_TOKEN", "SCALESTACK_LOG_LEVEL"}
	kept := []string{"SCALESTACK_TEST_POSTGRES", "SCALESTACK_MEASURE_USERS", "GOPROXY"}
	for _, name := range append(dropped, kept...) {
		t.Setenv(name, "of the caller")
	}
	require.NoError(t, Clean())
	for _, name := range dropped {
		_, set := os.LookupEnv(name)
		require.False(t, set, name)
	}
	for _, name := range kept {
		require.Equal(t, "of the caller", os.Getenv(name))
	}
}
