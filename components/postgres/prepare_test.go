package postgres

import (
	"bufio"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clusterState is an API server that knows one Endpoints object and what was asked of it.
type clusterState struct {
	*httptest.Server
	mu          sync.Mutex
	annotations map[string]string
	asked       []string
	failures    int
}

func newClusterState(t *testing.T, annotations map[string]string) *clusterState {
	c := &clusterState{annotations: annotations}
	c.Server = httptest.NewTLSServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *clusterState) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, r.Method+" "+r.URL.String())
	switch {
	case r.Header.Get("Authorization") != "Bearer token":
		w.WriteHeader(http.StatusUnauthorized)
	case c.failures > 0:
		c.failures--
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.Method == http.MethodGet && c.annotations == nil:
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodPatch:
		var change struct {
			Metadata struct{ Annotations map[string]string } `json:"metadata"`
		}
		_ = json.NewDecoder(r.Body).Decode(&change)
		c.annotations["config"] = change.Metadata.Annotations["config"]
		fallthrough
	default:
		_ = json.NewEncoder(w).Encode(map[string]any{"metadata": map[string]any{"annotations": c.annotations}})
	}
}

// prepare runs prepare.py until it ends, or has waited three times: then it returns false.
func (c *clusterState) prepare(t *testing.T, member string, files ...string) (output string, ended bool) {
	t.Helper()
	dir := t.TempDir()
	host, port, err := net.SplitHostPort(c.Listener.Addr().String())
	require.NoError(t, err)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate().Raw})
	for name, body := range map[string][]byte{
		"prepare.py": []byte(prepareProgram), "apiserver.py": []byte(apiServerProgram), "members.py": []byte(membersProgram),
		"datadir.py": []byte(dataDirProgram), "replicator.py": []byte(replicatorProgram), "rest.py": []byte(restProgram), "dcs.json": []byte(`{"ttl": 20}`), "account/token": []byte("token\n"), "account/ca.crt": certificate,
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), body, 0o600))
	}
	for _, name := range files {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "pgdata"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "pgdata", name), nil, 0o600))
	}
	cmd := exec.CommandContext(t.Context(), "python3", "-I", filepath.Join(dir, "prepare.py"))
	cmd.Env = []string{"KUBERNETES_SERVICE_HOST=" + host, "KUBERNETES_SERVICE_PORT=" + port, "ACCOUNT=" + dir + "/account/", "PAUSE=0.1",
		"SCOPE=pg", "NAMESPACE=ns", "MEMBER=" + member, "PGDATA=" + dir + "/pgdata", "CONFIG=" + dir}
	pipe, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	watchdog := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer watchdog.Stop()
	lines := bufio.NewScanner(pipe)
	for waits := 0; lines.Scan(); {
		output += lines.Text() + "\n"
		if strings.Contains(lines.Text(), "waiting for the first member") {
			waits++
		}
		if waits == 3 {
			_ = cmd.Process.Kill()
		}
	}
	return output, cmd.Wait() == nil
}

func requirePython(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs python3, which the image with Patroni has")
	}
}

func TestOnlyTheFirstMemberFoundsAShard(t *testing.T) {
	requirePython(t)
	_, ended := newClusterState(t, nil).prepare(t, "0")
	require.True(t, ended)
	output, ended := newClusterState(t, nil).prepare(t, "1")
	require.False(t, ended, output)
	require.Contains(t, output, "waiting for the first member")
	_, ended = newClusterState(t, map[string]string{"initialize": "7"}).prepare(t, "1")
	require.True(t, ended)
}

// A standby's volume may lack commits that another member has.
func TestAStandbysVolumeFoundsNoShard(t *testing.T) {
	requirePython(t)
	output, ended := newClusterState(t, map[string]string{}).prepare(t, "0", "standby.signal")
	require.False(t, ended, output)
	require.Contains(t, output, "the primary's volume may have more")
	_, ended = newClusterState(t, map[string]string{"initialize": "7"}).prepare(t, "0", "standby.signal")
	require.True(t, ended)
}

func TestPrepareRemovesTheAddressesOfTheFormerSelector(t *testing.T) {
	requirePython(t)
	state := newClusterState(t, nil)
	_, ended := state.prepare(t, "0")
	require.True(t, ended)
	require.Equal(t, "DELETE /apis/discovery.k8s.io/v1/namespaces/ns/endpointslices?labelSelector="+
		"kubernetes.io/service-name%3Dpg%2Cendpointslice.kubernetes.io/managed-by%3Dendpointslice-controller.k8s.io", state.asked[0])
}

func TestTheSharedConfigurationIsConverged(t *testing.T) {
	requirePython(t)
	state := newClusterState(t, map[string]string{"initialize": "7", "config": `{"ttl": 30, "pause": true}`})
	_, ended := state.prepare(t, "2")
	require.True(t, ended)
	require.JSONEq(t, `{"ttl": 20, "pause": true}`, state.annotations["config"], "an operator's pause stays")
	before := len(state.asked)
	_, ended = state.prepare(t, "2")
	require.True(t, ended)
	require.NotContains(t, strings.Join(state.asked[before:], " "), "PATCH", "nothing is written when nothing changes")
}

func TestPrepareWaitsForTheAPIServer(t *testing.T) {
	requirePython(t)
	state := newClusterState(t, nil)
	state.failures = 2
	output, ended := state.prepare(t, "0")
	require.True(t, ended, output)
	require.Contains(t, output, "503")
}
