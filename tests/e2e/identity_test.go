//go:build e2e

package e2e

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// kubeconfig is the lab's with another address.
func kubeconfig(t *testing.T, server string) string {
	t.Helper()
	content, err := os.ReadFile(os.Getenv("KUBECONFIG"))
	require.NoError(t, err)
	changed := regexp.MustCompile(`server: .*`).ReplaceAll(content, []byte(server))
	file := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(file, changed, 0o600))
	return file
}

// forwarder is another address of the API server.
func forwarder(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	target := strings.TrimPrefix(kubectl(t, "config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}"), "https://")
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", target)
			if err != nil {
				client.Close()
				continue
			}
			for _, pair := range [][2]net.Conn{{client, server}, {server, client}} {
				go func() { io.Copy(pair[0], pair[1]); pair[0].Close() }()
			}
		}
	}()
	return listener.Addr().String()
}

// Another address and another server name of the same cluster: the provider is
// updated, and nothing else.
func TestAnotherAddressReplacesNothing(t *testing.T) {
	t.Setenv("KUBECONFIG", kubeconfig(t, "server: https://"+forwarder(t)+"\n      tls-server-name: kubernetes"))
	var plan struct {
		Steps []struct{ Op, URN string }
	}
	require.NoError(t, json.Unmarshal([]byte(pulumi(t, "preview", "--json", "--show-sames")), &plan))
	require.Greater(t, len(plan.Steps), 50)
	for _, step := range plan.Steps {
		if strings.Contains(step.URN, "::pulumi:providers:kubernetes::") {
			require.Equal(t, "update", step.Op, step.URN)
			continue
		}
		require.Equal(t, "same", step.Op, step.URN)
	}
}

// refused runs what changes the state and runs the program, without a preview. Each must
// fail for this reason and leave the state as it was.
func refused(t *testing.T, want string) {
	t.Helper()
	before := stateOf(t)
	for _, args := range [][]string{{"up"}, {"destroy", "--run-program"}, {"refresh", "--run-program"}} {
		text, err := try(t, "pulumi", append(args, "--yes", "--skip-preview", "--stack", "dev", "--non-interactive")...)
		require.Error(t, err, args)
		require.Contains(t, text, want, args)
		require.Equal(t, before, stateOf(t), args)
	}
}

// ciphertext differs each time that the same secret is encrypted.
var ciphertext = regexp.MustCompile(`"ciphertext":\s*"[^"]*"`)

// stateOf is the stack's resources. Around them stands when the state was written, and
// their order is that in which the last run came to them.
func stateOf(t *testing.T) string {
	t.Helper()
	var state struct {
		Deployment struct{ Resources []json.RawMessage }
	}
	require.NoError(t, json.Unmarshal([]byte(pulumi(t, "stack", "export")), &state))
	var all []string
	for _, one := range state.Deployment.Resources {
		all = append(all, ciphertext.ReplaceAllString(string(one), ""))
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

func TestAClusterThatDoesNotAnswerChangesNothing(t *testing.T) {
	t.Setenv("KUBECONFIG", kubeconfig(t, "server: https://127.0.0.1:1"))
	refused(t, "cannot be asked who it is, and nothing was changed")
}

// Whatever the kubeconfig calls it: the uid of kube-system tells that it is not the
// stack's cluster.
func TestAnotherClusterIsRefused(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"kube-system","uid":"of-another-cluster"}}`)
	}))
	t.Cleanup(other.Close)
	t.Setenv("KUBECONFIG", kubeconfig(t, "server: "+other.URL))
	refused(t, "is of-another-cluster, and this stack lives in "+kubectlUID(t))
}

// kubectlUID is the identity of the lab's cluster, as the stack tells it.
func kubectlUID(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(pulumi(t, "stack", "output", "cluster"))
}

// A second stack with the namespace of the first one is refused in the preview.
func TestASecondStackIsRefused(t *testing.T) {
	file := changedConfig(t, "kubernetes", map[string]any{"context": "scalestack-lab"})
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	content = regexp.MustCompile(`(?m)^encryptionsalt: .*\n`).ReplaceAll(content, nil)
	require.NoError(t, os.WriteFile(file, content, 0o600))
	run := func(args ...string) (string, error) {
		return try(t, "pulumi", append(args, "--non-interactive")...)
	}

	t.Setenv("PULUMI_CONFIG_PASSPHRASE", "of its own")
	_, err = run("stack", "init", "e2e-twin", "--no-select")
	require.NoError(t, err)
	t.Cleanup(func() {
		run("stack", "rm", "e2e-twin", "--yes")
		os.Remove(filepath.Join(repo, "Pulumi.e2e-twin.yaml"))
	})
	text, err := run("preview", "--stack", "e2e-twin", "--config-file", file)
	require.Error(t, err)
	require.Contains(t, text, `scalestack:namespace: Invalid value: "scalestack": is the namespace of organization/scalestack/dev@`)
	require.NotContains(t, text, "pulumi:providers:")
}

func TestWhatMustNotChangeIsRefused(t *testing.T) {
	for want, file := range map[string]string{
		"scalestack:postgres.buckets: Invalid value: 480: must stay 960":    changedConfig(t, "postgres", map[string]any{"buckets": 480}),
		"scalestack:postgres.initialShards: Invalid value: 2: must stay 4":  changedConfig(t, "postgres", map[string]any{"initialShards": 2}),
		`scalestack:namespace: Invalid value: "shop": must stay scalestack`: changedSetting(t, "scalestack:namespace: shop"),
		"scalestack:kubernetes.cluster: Invalid value: \"another\"":         changedConfig(t, "kubernetes", map[string]any{"cluster": "another"}),
	} {
		text, err := try(t, "pulumi", "preview", "--stack", "dev", "--non-interactive", "--config-file", file)
		require.Error(t, err)
		require.Contains(t, text, want)
	}
}

// A project may forbid default providers.
func TestNoDefaultProviderIsNeeded(t *testing.T) {
	pulumi(t, "preview", "--expect-no-changes", "--config-file", changedSetting(t, `pulumi:disable-default-providers: ["*"]`))
}

// changedSetting is dev's file with one more setting.
func changedSetting(t *testing.T, line string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repo, "Pulumi.dev.yaml"))
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "Pulumi.dev.yaml")
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(string(content), "config:\n", "config:\n  "+line+"\n", 1)), 0o600))
	return file
}
