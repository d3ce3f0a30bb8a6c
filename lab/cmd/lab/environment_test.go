package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// hostile is the shell of somebody who works on another cluster.
var hostile = map[string]string{
	// Without a kubeconfig, a client takes the cluster whose pod it runs in.
	"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443",
	"KUBECONFIG": "/home/me/.kube/prod", "KUBERC": "/home/me/.kube/kuberc", "HELM_KUBECONTEXT": "prod",
	"PULUMI_HOME": "/home/me/.pulumi", "PULUMI_BACKEND_URL": "s3://prod", "PULUMI_ACCESS_TOKEN": "token", "PULUMI_STACK": "prod",
	"PULUMI_CONFIG_PASSPHRASE": "prod", "PULUMI_CONFIG_PASSPHRASE_FILE": "/home/me/passphrase", "PULUMI_K8S_CLIENT_QPS": "1",
	"CLOUDFLARE_API_TOKEN": "token", "CLOUDFLARE_API_KEY": "key", "CLOUDFLARE_EMAIL": "me@example.com",
	"SCALESTACK_IMAGES": `{"scalestack/users:dev":"prod/users:1"}`, "SCALESTACK_CLOUDFLARE_DIR": "/home/me",
	"GOFLAGS": "-mod=mod", "GOWORK": "/home/me/go.work", "GOOS": "plan9", "CGO_ENABLED": "1",
}

// Every command of the lab calls pulumi and kubectl with the lab's own
// cluster, backend and tokens, whatever the caller's shell says.
func TestPulumiNeverSeesTheCallersEnvironment(t *testing.T) {
	for _, command := range []string{"preview", "destroy"} {
		t.Run(command, func(t *testing.T) {
			home, seen := fakePulumi(t)
			isolated(t)
			root := newRoot()
			root.SetArgs([]string{command})
			require.NoError(t, root.ExecuteContext(t.Context()))
			environment := seen()
			require.Contains(t, environment, "KUBECONFIG="+filepath.Join(home, "config", "admin.kubeconfig"))
			require.Contains(t, environment, "PULUMI_BACKEND_URL=file://"+filepath.Join(home, "data", "pulumi"))
			require.Contains(t, environment, "PULUMI_HOME="+filepath.Join(home, "pulumi"))
			for name, value := range hostile {
				require.NotContains(t, environment, name+"="+value)
			}
			for _, name := range []string{"KUBERNETES_SERVICE_HOST", "PULUMI_ACCESS_TOKEN", "PULUMI_STACK", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_K8S_CLIENT_QPS", "CLOUDFLARE_API_KEY"} {
				require.False(t, slices.ContainsFunc(environment, func(entry string) bool { return strings.HasPrefix(entry, name+"=") }), name)
			}
		})
	}
}

// fakePulumi makes a checkout whose pulumi and kubectl write down their
// environment. The plan that pulumi prints is none, so that nothing summarizes
// it; kubectl finds no object.
func fakePulumi(t *testing.T) (home string, seen func() []string) {
	t.Helper()
	top, err := os.MkdirTemp("", "lab")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(top) })
	home = filepath.Join(top, ".lab")
	require.NoError(t, os.MkdirAll(filepath.Join(home, "bin"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(top, "Pulumi.yaml"), nil, 0o600))
	script := "#!/bin/sh\nenv >>'" + top + "/seen'\ncase \"$*\" in *--json*) exit 1 ;; esac\n"
	for _, name := range []string{"pulumi", "kubectl"} {
		require.NoError(t, os.WriteFile(filepath.Join(home, "bin", name), []byte(script), 0o755))
	}
	t.Chdir(top)
	return home, func() []string {
		content, err := os.ReadFile(filepath.Join(top, "seen"))
		require.NoError(t, err)
		return strings.Split(string(content), "\n")
	}
}

// isolated sets the hostile environment, and puts the test's own back at the end.
func isolated(t *testing.T) {
	t.Helper()
	before := os.Environ()
	t.Cleanup(func() {
		os.Clearenv()
		for _, entry := range before {
			name, value, _ := strings.Cut(entry, "=")
			require.NoError(t, os.Setenv(name, value))
		}
	})
	for name, value := range hostile {
		require.NoError(t, os.Setenv(name, value))
	}
}
