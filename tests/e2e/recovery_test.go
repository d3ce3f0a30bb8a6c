//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// analyticsEnv is what the Deployment of analytics has for a variable.
func analyticsEnv(t *testing.T, name string) string {
	t.Helper()
	return kubectl(t, "get", "deployment", "analytics", "-n", outputs(t).Namespace,
		"-o", fmt.Sprintf(`jsonpath={.spec.template.spec.containers[0].env[?(@.name=="%s")].value}`, name))
}

// changedAnalytics is the configuration with one variable of analytics changed.
func changedAnalytics(t *testing.T, name, value string) string {
	t.Helper()
	return changedService(t, "analytics", map[string]any{"env": map[string]any{name: value}})
}

// An interrupted run has changed the cluster and not the state. Once the state has
// seen the cluster, the configuration that was put back counts again.
func TestInterruptedUpIsTakenBack(t *testing.T) {
	const name = "SCALESTACK_CONCURRENCY"
	file := changedAnalytics(t, name, "0")
	cmd := exec.Command("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", "dev", "--config-file", file)
	cmd.Dir = repo
	var text strings.Builder
	cmd.Stdout, cmd.Stderr = &text, &text
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	eventually(t, 2*time.Minute, "the wrong setting reaches the cluster", func() error {
		if analyticsEnv(t, name) != "0" {
			return fmt.Errorf("it has not")
		}
		return nil
	})
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	require.Error(t, <-ended, text.String())

	pulumi(t, "refresh", "--yes", "--skip-preview", "--run-program")
	pulumi(t, "up", "--yes", "--skip-preview")
	require.Empty(t, analyticsEnv(t, name), "the cluster keeps what was taken back")
	pulumi(t, "preview", "--expect-no-changes")
}

// A change with kubectl is seen, is not overwritten unless somebody says so, and then
// leaves nothing behind that hinders the next run.
func TestHotfixCanBeTakenBack(t *testing.T) {
	const name, was = "SCALESTACK_SMTP_ADDRESS", "10.244.0.1:1025"
	namespace := outputs(t).Namespace
	kubectl(t, "set", "env", "deployment/email", "-n", namespace, name+"=10.244.0.1:1026")
	now := func() string {
		return kubectl(t, "get", "deployment", "email", "-n", namespace,
			"-o", fmt.Sprintf(`jsonpath={.spec.template.spec.containers[0].env[?(@.name=="%s")].value}`, name))
	}
	pulumi(t, "refresh", "--yes", "--skip-preview", "--run-program")
	_, err := try(t, "pulumi", "preview", "--expect-no-changes", "--stack", "dev", "--non-interactive")
	require.Error(t, err, "the preview does not see the hotfix")
	text, err := try(t, "pulumi", "up", "--yes", "--stack", "dev", "--non-interactive")
	require.Error(t, err, "the hotfix is overwritten without a word")
	require.Contains(t, text, "conflict")
	require.Equal(t, "10.244.0.1:1026", now())

	force(t, "up", "--yes", "--skip-preview")
	require.Equal(t, was, now())
	pulumi(t, "preview", "--expect-no-changes")
}

// force is pulumi with the variable that takes fields from their other owners.
func force(t *testing.T, args ...string) {
	t.Helper()
	text, err := tryForce(t, args...)
	require.NoError(t, err, text)
}

// tryForce is force for a run that may fail.
func tryForce(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return try(t, "env", append([]string{"PULUMI_K8S_ENABLE_PATCH_FORCE=true", "pulumi"}, append(args, "--stack", "dev", "--non-interactive")...)...)
}

// An empty state takes a running product over, and the next change works as any
// other. It rolls every pod, so it has a command of its own.
func TestAdoptsIntoAnEmptyState(t *testing.T) {
	if os.Getenv("ADOPT") == "" {
		t.Skip("rolls every pod: make prove-adopt")
	}
	c := newClient(t)
	const id = 271828
	want := profile{Name: "adopted", Email: "adopted@example.com"}
	require.NoError(t, c.put(id, want))
	lose(t)
	_, err := try(t, "go", "run", "./cmd/adopt", "dev")
	require.Error(t, err, "there is nothing to adopt before the first up")

	// The first error ends a run, so that each tells of some of the zone's objects only.
	var text string
	for range 4 {
		text, err = tryForce(t, "up", "--yes", "--skip-preview", "--color", "never")
		if err == nil {
			break
		}
		require.Positive(t, importZone(t, text), text)
	}
	require.NoError(t, err, text)
	command(t, "go", "run", "./cmd/adopt", "dev")
	file := changedAnalytics(t, "SCALESTACK_CONCURRENCY", "7")
	command(t, "pulumi", "up", "--yes", "--skip-preview", "--stack", "dev", "--non-interactive", "--config-file", file)
	require.Equal(t, "7", analyticsEnv(t, "SCALESTACK_CONCURRENCY"))
	pulumi(t, "up", "--yes", "--skip-preview")
	pulumi(t, "preview", "--expect-no-changes")
	got := newClient(t).get(t, id)
	require.Equal(t, want, got.body, got.text)
}

var (
	zoneID     = regexp.MustCompile(`cloudflare:index:\w+ \((cdn-[a-z-]+)\):\n[^\n]*\(it has id ([0-9a-f]+)\)`)
	zoneImport = regexp.MustCompile(`pulumi (import \S+ (cdn-[a-z-]+) \S+/)<[^>]+>( --parent .*)`)
)

// importZone runs the imports that the errors of an up print, and returns how many.
func importZone(t *testing.T, errors string) (imports int) {
	t.Helper()
	ids := map[string]string{}
	for _, found := range zoneID.FindAllStringSubmatch(errors, -1) {
		ids[found[1]] = found[2]
	}
	for _, found := range zoneImport.FindAllStringSubmatch(errors, -1) {
		id, left := ids[found[2]]
		if !left {
			continue
		}
		delete(ids, found[2])
		imports++
		pulumi(t, strings.Fields(found[1]+id+found[3]+" --yes --skip-preview")...)
	}
	require.Empty(t, ids, "no error says how to import these")
	return imports
}

// lose empties the stack's state.
func lose(t *testing.T) {
	t.Helper()
	var state map[string]any
	require.NoError(t, json.Unmarshal([]byte(pulumi(t, "stack", "export")), &state))
	deployment := state["deployment"].(map[string]any)
	delete(deployment, "pending_operations")
	deployment["resources"] = []any{}
	text, err := json.Marshal(state)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "empty.json")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	pulumi(t, "stack", "import", "--file", file)
}
