package networkpolicy

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnAddressHasItsPod(t *testing.T) {
	run := t.TempDir()
	t.Setenv(NodeRun, run)
	write := func(name, content string) {
		file := filepath.Join(run, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	}
	plugin, err := NewNriPlugin()
	require.NoError(t, err)
	require.Empty(t, plugin.GetPodFromIP("10.244.0.7"), "an address that nobody has")
	write("cni/scalestack/10.244.0.7", "abc\r\neth0")
	require.Empty(t, plugin.GetPodFromIP("10.244.0.7"), "a pod that has no process yet")
	write("containerd/io.containerd.runtime.v2.task/k8s.io/abc/config.json",
		`{"annotations": {"io.kubernetes.cri.sandbox-namespace": "shop", "io.kubernetes.cri.sandbox-name": "app-1"}}`)
	require.Equal(t, "shop/app-1", plugin.GetPodFromIP("10.244.0.7"))
	require.Empty(t, plugin.GetPodFromIP(""))
}
