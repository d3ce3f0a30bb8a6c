//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// The zones of these tests, and what a person set in one.
const (
	oneZone     = "11111111111111111111111111111111"
	anotherZone = "22222222222222222222222222222222"
	settingsOf  = "zoneSettingsOverride"
)

// zoneProgram compiles examples/zone once.
var zoneProgram = sync.OnceValues(func() (string, error) {
	program, err := filepath.Abs(filepath.Join(repo, ".lab", "e2e", "zone"))
	if err != nil {
		return "", err
	}
	compile := exec.Command("go", "build", "-o", program, "./examples/zone")
	compile.Dir = repo
	text, err := compile.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, text)
	}
	return program, err
})

// zoneStack is a stack of examples/zone with a backend and zones of its own, so that
// neither the lab's stack nor its edge sees anything of it.
type zoneStack struct {
	t        *testing.T
	folder   string
	zones    string
	settings map[string]any
	extra    []string
}

func newZoneStack(t *testing.T) *zoneStack {
	t.Helper()
	program, err := zoneProgram()
	require.NoError(t, err)
	z := &zoneStack{t: t, folder: t.TempDir(), zones: t.TempDir(), settings: map[string]any{"zoneId": oneZone}}
	require.NoError(t, os.WriteFile(filepath.Join(z.folder, "Pulumi.yaml"),
		fmt.Appendf(nil, "name: zone\nruntime:\n  name: go\n  options:\n    binary: %s\n", program), 0o600))
	z.must("stack", "init", "test")
	return z
}

// command is pulumi on this stack.
func (z *zoneStack) command(args ...string) *exec.Cmd {
	cmd := exec.Command("pulumi", append(args, "--non-interactive", "--color", "never")...)
	cmd.Dir = z.folder
	cmd.Env = append(os.Environ(), "PULUMI_BACKEND_URL=file://"+z.folder, "SCALESTACK_CLOUDFLARE_DIR="+z.zones)
	cmd.Env = append(cmd.Env, z.extra...)
	return cmd
}

func (z *zoneStack) try(args ...string) (string, error) {
	text, err := z.command(args...).CombinedOutput()
	return string(text), err
}

func (z *zoneStack) must(args ...string) string {
	z.t.Helper()
	text, err := z.try(args...)
	require.NoError(z.t, err, "pulumi %s\n%s", strings.Join(args, " "), text)
	return text
}

// with changes settings of the next up.
func (z *zoneStack) with(settings map[string]any) *zoneStack {
	z.t.Helper()
	for name, value := range settings {
		z.settings[name] = value
	}
	text, err := json.Marshal(z.settings)
	require.NoError(z.t, err)
	z.must("config", "set", "zone:cdn", string(text), "--stack", "test")
	return z
}

func (z *zoneStack) up() string { z.t.Helper(); return z.must(upTest...) }

var upTest = []string{"up", "--yes", "--skip-preview", "--stack", "test"}

// steady fails if another up would change anything.
func (z *zoneStack) steady() {
	z.t.Helper()
	z.must("preview", "--refresh", "--expect-no-changes", "--stack", "test")
}

func (z *zoneStack) destroy() {
	z.t.Helper()
	z.must("destroy", "--yes", "--skip-preview", "--stack", "test")
}

// edit changes the zone as somebody would who does not use Pulumi.
func (z *zoneStack) edit(zone string, change func(map[string]any)) {
	z.t.Helper()
	path := filepath.Join(z.zones, zone, "zone.json")
	content := map[string]any{}
	if text, err := os.ReadFile(path); err == nil {
		require.NoError(z.t, json.Unmarshal(text, &content))
	}
	change(content)
	z.write(path, content)
}

func (z *zoneStack) write(path string, content map[string]any) {
	z.t.Helper()
	text, err := json.Marshal(content)
	require.NoError(z.t, err)
	require.NoError(z.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(z.t, os.WriteFile(path, text, 0o600))
}

// set is a change of one of the zone's settings for edit.
func set(name, value string) func(map[string]any) {
	return func(z map[string]any) { z["values"].(map[string]any)[settingsOf].(map[string]any)[name] = value }
}

// value is what counts in the zone.
func (z *zoneStack) value(zone, kind, name string) any {
	z.t.Helper()
	var content struct{ Values map[string]map[string]any }
	z.read(filepath.Join(z.zones, zone, "zone.json"), &content)
	return content.Values[kind][name]
}

// made are the ids and properties of what a zone has of a kind.
func (z *zoneStack) made(zone, kind string) map[string]map[string]any {
	z.t.Helper()
	var content struct {
		Resources map[string]struct{ Properties map[string]any }
	}
	z.read(filepath.Join(z.zones, zone, kind+".json"), &content)
	made := map[string]map[string]any{}
	for id, one := range content.Resources {
		made[id] = one.Properties
	}
	return made
}

func (z *zoneStack) read(path string, into any) {
	z.t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(z.t, err)
	require.NoError(z.t, json.Unmarshal(text, into))
}
