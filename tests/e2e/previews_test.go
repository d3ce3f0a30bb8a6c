//go:build e2e

package e2e

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The environment of a pull request beside the lab's stack, by examples/previews: it
// serves, and nothing of it is left afterwards. It takes minutes.
func TestPreviewEnvironment(t *testing.T) {
	if os.Getenv("PREVIEWS") == "" {
		t.Skip("takes minutes: make prove-previews")
	}
	const name, host = "pr-7", "pr-7.preview.example.com"
	zones := t.TempDir()
	t.Setenv("PULUMI_BACKEND_URL", "file://"+t.TempDir())
	t.Setenv("PULUMI_CONFIG_PASSPHRASE", "of its own")
	t.Setenv("SCALESTACK_CLOUDFLARE_DIR", zones)
	program := filepath.Join(t.TempDir(), "previews")
	build := exec.Command("go", "build", "-o", program, "./examples/previews")
	build.Dir = repo
	text, err := build.CombinedOutput()
	require.NoError(t, err, string(text))

	settings, err := os.ReadFile(filepath.Join(repo, "examples", "previews", "Pulumi.preview.yaml"))
	require.NoError(t, err)
	template := filepath.Join(t.TempDir(), "Pulumi.preview.yaml")
	require.NoError(t, os.WriteFile(template, bytes.ReplaceAll(settings, []byte(":0.1.0"), []byte(":dev")), 0o600))
	run := func(action string) string {
		t.Helper()
		return command(t, program, "--template", template, "--context", "scalestack-lab", "--zone", oneZone, "--target", "ingress.example.com", action, "7")
	}
	t.Cleanup(func() { try(t, "kubectl", "delete", "namespace", name, "--ignore-not-found") })

	require.Equal(t, "https://"+host, strings.TrimSpace(run("up")))
	url := "http://" + serviceAddress(t, name, "app") + "/users/7"
	put, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, strings.NewReader(`{"name":"Ada","email":"ada@example.com"}`))
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(put)
	require.NoError(t, err)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Less(t, answer.StatusCode, 300, string(body))
	require.Equal(t, host, kubectl(t, "get", "ingress", name, "-n", name, "-o", "jsonpath={.spec.rules[0].host}"))
	require.Contains(t, zoneFiles(t, zones), host)

	run("down")
	left, err := try(t, "kubectl", "get", "namespace", name)
	require.Error(t, err, left)
	require.NotContains(t, zoneFiles(t, zones), host)
	require.NoFileExists(t, filepath.Join(repo, "Pulumi."+name+".yaml"))
	run("down")
}

// zoneFiles is all that the zones hold.
func zoneFiles(t *testing.T, zones string) string {
	t.Helper()
	var all strings.Builder
	require.NoError(t, filepath.WalkDir(zones, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		all.Write(content)
		return err
	}))
	return all.String()
}
