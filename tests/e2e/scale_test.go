//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPreviewsAtScale previews a new stack of ever more shards, and as many ConfigMaps
// beside each: make bench-scale. SHARDS are the numbers, POLICIES adds the policy pack.
func TestPreviewsAtScale(t *testing.T) {
	if os.Getenv("SCALE") == "" {
		t.Skip("previews hundreds of shards: make bench-scale")
	}
	s := newOwnStack(t, "big", "bigstack.yaml")
	s.flat()
	home := homeWithoutLog(t)
	t.Log("shards resources " + costHeading)
	for _, shards := range strings.Fields(os.Getenv("SHARDS")) {
		s.set(map[string]string{"scalestack:postgres.shards": shards, "scalestack:postgres.initialShards": shards})
		args := []string{"preview", "--stack", s.name, "--config-file", s.config, "--non-interactive", "--json"}
		ours, resources := s.preview(repo, nil, args)
		t.Logf("%6s %9d %s", shards, resources, ours)
		quiet, _ := s.preview(repo, []string{"PULUMI_HOME=" + home}, args)
		t.Logf("   without a log %s", quiet)
		if os.Getenv("POLICIES") != "" {
			checked, _ := s.preview(repo, nil, append(args, "--policy-pack", "policies"))
			t.Logf("   with policies %s", checked)
		}
		flat, _ := s.preview("flatstack", []string{fmt.Sprintf("E2E_COUNT=%d", resources)},
			[]string{"preview", "--stack", "flat", "--non-interactive", "--json"})
		t.Logf("      ConfigMaps %s", flat)
	}
}

// preview runs pulumi in a folder and measures it.
func (s ownStack) preview(folder string, env, args []string) (cost, int) {
	s.Helper()
	cmd := exec.Command("pulumi", args...)
	cmd.Dir, cmd.Env = folder, append(os.Environ(), env...)
	var out, problem strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &problem
	c, err := measure(cmd)
	require.NoError(s, err, problem.String()+tail(out.String()))
	var plan struct {
		Steps []struct{ Op string }
	}
	require.NoError(s, json.Unmarshal([]byte(out.String()), &plan))
	return c, len(plan.Steps)
}

// flat makes the stack of ConfigMaps and compiles both programs, which is not to be in the
// figures.
func (s ownStack) flat() {
	s.Helper()
	run := func(args ...string) {
		s.Helper()
		cmd := exec.Command("pulumi", append(args, "--stack", "flat", "--non-interactive")...)
		cmd.Dir, cmd.Env = "flatstack", append(os.Environ(), "E2E_COUNT=1")
		text, err := cmd.CombinedOutput()
		require.NoError(s, err, string(text))
	}
	run("stack", "init")
	s.Cleanup(func() {
		run("stack", "rm", "--yes", "--force")
		_ = os.Remove(filepath.Join("flatstack", "Pulumi.flat.yaml"))
	})
	run("preview")
	s.pulumi("preview")
}

// homeWithoutLog is Pulumi's folder as it is, but for the log that 3.258 writes of every
// call: without a folder for it Pulumi goes on without.
func homeWithoutLog(t *testing.T) string {
	t.Helper()
	home := ownHome(t)
	require.NoError(t, os.WriteFile(filepath.Join(home, "logs"), nil, 0o600))
	return home
}

// ownHome is Pulumi's folder as it is, with a log of its own.
func ownHome(t *testing.T) string {
	t.Helper()
	real, err := filepath.Abs(os.Getenv("PULUMI_HOME"))
	require.NoError(t, err)
	home := t.TempDir()
	entries, err := os.ReadDir(real)
	require.NoError(t, err)
	for _, e := range entries {
		if e.Name() != "logs" {
			require.NoError(t, os.Symlink(filepath.Join(real, e.Name()), filepath.Join(home, e.Name())))
		}
	}
	return home
}

func tail(text string) string { return text[max(0, len(text)-2000):] }
