//go:build e2e

package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/tests/upbench"
)

// TestUpAtScale deploys new stacks of ever more shards to simulated nodes, and the same
// objects with kubectl to equally empty ones: make bench-up. It measures Pulumi's engine, the
// provider, the API server, Kubernetes' controllers and the order of the stack. No PostgreSQL
// and nothing else of the product runs. SHARDS are the numbers, ROLLOUT is the shards', WITH
// are variables of a second update.
func TestUpAtScale(t *testing.T) {
	if os.Getenv("UP_AT_SCALE") == "" {
		t.Skip("deploys hundreds of shards to simulated nodes: make bench-up")
	}
	t.Setenv("PULUMI_HOME", ownHome(t))
	t.Setenv("PULUMI_DEBUG_COMMANDS", "true")
	t.Setenv("SCALESTACK_IMAGES", `{"scalestack/users:dev": "scalestack/users:simulated", "scalestack/shardctl:dev": "scalestack/shardctl:simulated"}`)
	for _, text := range strings.Fields(os.Getenv("SHARDS")) {
		shards, err := strconv.Atoi(text)
		require.NoError(t, err)
		t.Run(text, func(t *testing.T) { compareUp(t, shards) })
	}
}

// simulatedNamespace is that of bigstack.yaml.
const simulatedNamespace = "big"

func compareUp(t *testing.T, shards int) {
	objects := filepath.Join(t.TempDir(), "objects.json")
	var up, apply, again simulatedCost
	require.True(t, t.Run("up", func(t *testing.T) { up = updateSimulated(t, shards, "", objects) }))
	require.True(t, t.Run("kubectl", func(t *testing.T) { apply = applySimulated(t, shards, objects) }))
	t.Logf("%d shards, load %s\npulumi up: %s\nkubectl apply of the same: %s\nratio %.2f", shards, loadAverage(t), up, apply, up.seconds/apply.seconds)
	if with := os.Getenv("WITH"); with != "" {
		require.True(t, t.Run("with", func(t *testing.T) { again = updateSimulated(t, shards, with, objects) }))
		t.Logf("%d shards with %s: %s, ratio %.2f", shards, with, again, again.seconds/apply.seconds)
	}
}

// simulatedCost is what it took until all was ready: of whoever asked for it and all that it
// started, and of the cluster's programs. On a machine with other work the processor's time
// says more than the seconds.
type simulatedCost struct{ seconds, client, cluster float64 }

func (c simulatedCost) String() string {
	return fmt.Sprintf("%.1f s until all is ready, %.1f CPU-s and %.1f of the cluster", c.seconds, c.client, c.cluster)
}

// until runs a command and waits until all is ready in a cluster that was new.
func (s *simulated) until(run func() (*exec.Cmd, error)) simulatedCost {
	s.Helper()
	before, began := s.cpu(), time.Now()
	cmd, err := run()
	require.NoError(s, err)
	s.ready(simulatedNamespace)
	client := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return simulatedCost{time.Since(began).Seconds(), client.Seconds(), s.cpu() - before}
}

// updateSimulated deploys a new stack, without a preview before it, and writes its objects
// to a file.
func updateSimulated(t *testing.T, shards int, with, objects string) simulatedCost {
	for _, variable := range strings.Fields(with) {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	cluster, s := newSimulated(t, shards), simulatedStack(t, shards)
	// Compiles the program, which is not to be in the figures.
	s.pulumi("preview")
	log := filepath.Join(t.TempDir(), "events.json")
	var took cost
	all := cluster.until(func() (cmd *exec.Cmd, err error) {
		cmd = exec.Command("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", s.name, "--config-file", s.config, "--event-log", log)
		var out strings.Builder
		cmd.Dir, cmd.Stdout, cmd.Stderr = repo, &out, &out
		if took, err = measure(cmd); err != nil {
			err = fmt.Errorf("%w: %s", err, tail(out.String()))
		}
		return cmd, err
	})
	t.Logf("%s\n%s", costHeading, took)
	state := readState(s)
	tellTimes(t, state, log, took.seconds)
	text, count, err := state.Objects()
	require.NoError(t, err)
	t.Logf("%d objects of %d KiB", count, len(text)>>10)
	require.NoError(t, os.WriteFile(objects, text, 0o600))
	tellChanges(s, shards)
	return all
}

// applySimulated does with kubectl what is in a file.
func applySimulated(t *testing.T, shards int, objects string) simulatedCost {
	return newSimulated(t, shards).until(func() (*exec.Cmd, error) {
		cmd := exec.Command("kubectl", "apply", "--server-side", "-f", objects)
		text, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, tail(string(text)))
		}
		return cmd, err
	})
}

// simulatedStack is a new stack, whose file and state go when the test ends.
func simulatedStack(t *testing.T, shards int) ownStack {
	t.Helper()
	t.Setenv("PULUMI_BACKEND_URL", "file://"+t.TempDir())
	s := ownStackOf(t, "simulated")
	// What a run that was killed has left is another state's.
	_ = os.Remove(s.config)
	t.Cleanup(func() { _ = os.Remove(s.config) })
	s.init("bigstack.yaml")
	number := strconv.Itoa(shards)
	s.set(map[string]string{
		"scalestack:postgres.shards": number, "scalestack:postgres.initialShards": number,
		"scalestack:postgres.rollout": cmp.Or(os.Getenv("ROLLOUT"), "Serial"),
	})
	return s
}

func readState(s ownStack) (state upbench.State) {
	s.Helper()
	require.NoError(s, json.Unmarshal([]byte(pulumi(s.T, "stack", "export", "--show-secrets")), &state))
	return state
}

// tellTimes says where an update's time went.
func tellTimes(t *testing.T, state upbench.State, log string, elapsed float64) {
	t.Helper()
	file, err := os.Open(log)
	require.NoError(t, err)
	defer file.Close()
	steps, err := upbench.Steps(file)
	require.NoError(t, err)
	var text strings.Builder
	all := 0
	for _, k := range upbench.Kinds(steps) {
		all += k.Seconds
		fmt.Fprintf(&text, "\n%5d s in %4d of %s, the longest %d s", k.Seconds, k.Count, k.Type, k.Longest)
	}
	t.Logf("%.1f steps at once on average; together%s", float64(all)/elapsed, &text)
	text.Reset()
	path := state.Path(steps)
	for _, step := range path {
		if step.Seconds() > 1 {
			fmt.Fprintf(&text, "\n%5d s to %4d s: %s", step.Begun-path[0].Begun, step.End-path[0].Begun, step.Name())
		}
	}
	t.Logf("the chain of %d steps that ended last; those of more than a second%s", len(path), &text)
}

// tellChanges says what one more shard would touch, and a setting of one shard.
func tellChanges(s ownStack, shards int) {
	s.Helper()
	s.set(map[string]string{"scalestack:postgres.shards": strconv.Itoa(shards + 1)})
	s.Logf("one more shard: %s", strings.Join(s.plan(), ", "))
	s.set(map[string]string{"scalestack:postgres.shards": strconv.Itoa(shards)})
	s.set(map[string]string{fmt.Sprintf("scalestack:postgres.images.%d", shards/2): "postgres:16.13-bookworm"})
	s.Logf("another image of one shard: %s", strings.Join(s.plan(), ", "))
}

func (s ownStack) plan() []string {
	s.Helper()
	var plan upbench.Plan
	text := pulumi(s.T, "preview", "--json", "--config-file", s.config)
	require.NoError(s, json.Unmarshal([]byte(text), &plan))
	return plan.Changes()
}

func loadAverage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/loadavg")
	require.NoError(t, err)
	return strings.Join(strings.Fields(string(text))[:3], ", ")
}
