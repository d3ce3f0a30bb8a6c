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
	require.NoError(t, Prepare(p, map[string]string{"scalestack/users:dev": "scalestack/users:dev-1"}))
	t.Setenv("PULUMI_ACCESS_TOKEN", "of the caller")
	t.Setenv("PULUMI_K8S_CLIENT_QPS", "1")
	t.Setenv("CLOUDFLARE_API_KEY", "it's the caller's")
	t.Setenv("NO_PROXY", "corp.test")
	output, err := exec.Command("sh", "-c", `. "$0" && env`, filepath.Join(p.Home, "env")).Output()
	require.NoError(t, err)
	for _, name := range []string{"PULUMI_ACCESS_TOKEN", "PULUMI_K8S_CLIENT_QPS", "CLOUDFLARE_API_KEY"} {
		require.NotContains(t, string(output), name+"=")
	}
	require.Contains(t, string(output), "NO_PROXY=corp.test,")
	for _, want := range environment(p) {
		require.Contains(t, strings.Split(string(output), "\n"), want)
	}
	require.Contains(t, string(output), `SCALESTACK_IMAGES={"scalestack/users:dev":"scalestack/users:dev-1"}`+"\n")
	require.Contains(t, string(output), "PATH="+filepath.Join(p.Home, "bin")+":")
}

// The real provider refuses a token of another form.
func TestTokenHasTheRealForm(t *testing.T) {
	require.Regexp(t, regexp.MustCompile(`^[A-Za-z0-9-_]{40}$`), cloudflareToken)
}
