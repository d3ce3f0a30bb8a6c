//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The stack as files: no cluster is asked, the API server accepts them all, and Secrets
// are where docs/gitops.md says.
func TestRenderedFiles(t *testing.T) {
	const namespace = "e2e-files"
	folder := filepath.Join(".lab", "e2e", "rendered")
	require.NoError(t, os.RemoveAll(filepath.Join(repo, folder)))
	t.Cleanup(func() { os.RemoveAll(filepath.Join(repo, folder)) })
	file := editedFile(t, func(config map[string]any) {
		config["scalestack:namespace"] = namespace
		config["scalestack:kubernetes"] = map[string]any{"renderTo": folder, "cluster": kubectlUID(t)}
		config["scalestack:tunnel"] = map[string]any{
			"enabled": true, "accountId": tunnelAccount, "zoneId": config["scalestack:cdn"].(map[string]any)["zoneId"],
			"host": "shop.example.com", "service": "users",
		}
	})
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	content = regexp.MustCompile(`(?m)^encryptionsalt: .*\n`).ReplaceAll(content, nil)
	require.NoError(t, os.WriteFile(file, content, 0o600))

	kubeconfig := os.Getenv("KUBECONFIG")
	t.Setenv("KUBECONFIG", "/no/such/kubeconfig")
	t.Setenv("PULUMI_CONFIG_PASSPHRASE", "of its own")
	t.Setenv("PULUMI_BACKEND_URL", "file://"+t.TempDir())
	cloudflare := t.TempDir()
	t.Setenv("SCALESTACK_CLOUDFLARE_DIR", cloudflare)
	run := func(args ...string) string {
		text, err := try(t, "pulumi", append(args, "--non-interactive")...)
		require.NoError(t, err, text)
		return text
	}
	run("stack", "init", "e2e-files", "--no-select")
	t.Cleanup(func() { os.Remove(filepath.Join(repo, "Pulumi.e2e-files.yaml")) })
	text := run("up", "--yes", "--skip-preview", "--stack", "e2e-files", "--config-file", file)
	require.Contains(t, text, "in plaintext", "Secrets are named")
	run("preview", "--expect-no-changes", "--stack", "e2e-files", "--config-file", file)
	tunnels, err := os.ReadFile(filepath.Join(cloudflare, "accounts", tunnelAccount, "zeroTrustTunnelCloudflared.json"))
	require.NoError(t, err)
	require.Contains(t, string(tunnels), `"hostname": "shop.example.com"`)
	require.Contains(t, string(tunnels), "http://app."+namespace+".svc")

	manifests := filepath.Join(repo, folder, "1-manifest")
	files, err := filepath.Glob(filepath.Join(manifests, "*.yaml"))
	require.NoError(t, err)
	require.Greater(t, len(files), 50)
	for _, one := range files {
		content, err := os.ReadFile(one)
		require.NoError(t, err)
		isSecret := regexp.MustCompile(`(?m)^kind: Secret$`).Match(content)
		require.Equal(t, isSecret, strings.HasPrefix(filepath.Base(one), "v1-secret-"+namespace+"-"), one)
	}
	t.Setenv("KUBECONFIG", kubeconfig)
	absolute, err := filepath.Abs(manifests)
	require.NoError(t, err)
	// A dry run needs the namespace.
	kubectl(t, "create", "namespace", namespace)
	t.Cleanup(func() { try(t, "kubectl", "delete", "namespace", namespace) })
	kubectl(t, "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--field-manager=gitops", "-f", absolute)
}

// tunnelAccount is any account: the emulator keeps what it is told of each.
const tunnelAccount = "0123456789abcdef0123456789abcdef"
