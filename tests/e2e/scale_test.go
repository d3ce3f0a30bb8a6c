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
	t.Log("shards resources      seconds  engine CPU-s  engine MiB  program CPU-s  program MiB")
	for _, shards := range strings.Fields(os.Getenv("SHARDS")) {
		s.set(map[string]string{"scalestack:postgres.shards": shards, "scalestack:postgres.initialShards": shards})
		args := []string{"preview", "--stack", s.name, "--config-file", s.config, "--non-interactive", "--json"}
		ours, resources := s.preview(repo, nil, args)
		t.Logf("%6s %9d %s", shards, resources, ours)
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
	if folder == "flatstack" {
		s.flat(folder)
	}
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

// flat makes the stack of ConfigMaps, once.
func (s ownStack) flat(folder string) {
	s.Helper()
	dir, err := filepath.Abs(folder)
	require.NoError(s, err)
	run := func(args ...string) (string, error) {
		cmd := exec.Command("pulumi", append(args, "--stack", "flat", "--non-interactive")...)
		cmd.Dir = dir
		text, err := cmd.CombinedOutput()
		return string(text), err
	}
	if _, err := os.Stat(filepath.Join(dir, "Pulumi.flat.yaml")); err == nil {
		return
	}
	text, err := run("stack", "init")
	require.NoError(s, err, text)
	s.Cleanup(func() {
		text, err := run("stack", "rm", "--yes", "--force")
		require.NoError(s, err, text)
		_ = os.Remove(filepath.Join(dir, "Pulumi.flat.yaml"))
	})
}

func tail(text string) string { return text[max(0, len(text)-2000):] }
