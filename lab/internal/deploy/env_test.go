package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/lab/internal/paths"
)

// What a person sources is what the lab itself uses.
func TestEnvFileSetsTheEnvironment(t *testing.T) {
	p := paths.Paths{Home: filepath.Join(t.TempDir(), "with space")}
	require.NoError(t, os.MkdirAll(p.Config(""), 0o755))
	require.NoError(t, Prepare(p, Images{Users: "scalestack/users:dev-1", Shardctl: "scalestack/shardctl:dev-2"}))
	output, err := exec.Command("bash", "-c", `. "$0" && env`, filepath.Join(p.Home, "env")).Output()
	require.NoError(t, err)
	for _, want := range environment(p) {
		require.Contains(t, strings.Split(string(output), "\n"), want)
	}
	require.Contains(t, string(output), "SCALESTACK_WORKLOAD_IMAGE=scalestack/users:dev-1\n")
	require.Contains(t, string(output), "SCALESTACK_SHARDCTL_IMAGE=scalestack/shardctl:dev-2\n")
	require.Contains(t, string(output), "PATH="+filepath.Join(p.Home, "bin")+":")
}

// The real provider refuses a token of another form.
func TestTokenHasTheRealForm(t *testing.T) {
	require.Regexp(t, regexp.MustCompile(`^[A-Za-z0-9-_]{40}$`), cloudflareToken)
}
