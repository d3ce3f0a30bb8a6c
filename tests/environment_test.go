package tests

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// The graphs are the same in the shell of somebody who works on another
// cluster: the test runs itself again there.
func TestGoldenInAForeignShell(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestGolden$", "-test.count=1")
	cmd.Env = append(os.Environ(),
		"KUBECONFIG=/no/such/kubeconfig", "PULUMI_K8S_DELETE_UNREACHABLE=true", "PULUMI_K8S_SUPPRESS_DEPRECATION_WARNINGS=true",
		"PULUMI_DRY_RUN=true", "PULUMI_PARALLEL=1", "PULUMI_ORGANIZATION=other", `PULUMI_CONFIG={"scalestack:namespace":"other"}`,
		"CLOUDFLARE_API_TOKEN=other", "CLOUDFLARE_RETRIES=9", `SCALESTACK_IMAGES={"scalestack/users:dev":"other/users:1"}`,
	)
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
}
