//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// mistake begins a message with the setting's path.
var mistake = regexp.MustCompile(`(?m)^\s*scalestack:[a-z]+[.\[][^ ]*: `)

// A mistake in the configuration is one clear line, and nothing changes.
func TestBadConfigurationChangesNothing(t *testing.T) {
	before := clusterState(t)
	for _, bad := range []struct {
		name, section string
		values        map[string]any
		want          string
	}{
		{"no shards", "postgres", map[string]any{"shards": 0}, "scalestack:postgres.shards: Invalid value: 0: must be between 1 and 960"},
		{"shards in words", "postgres", map[string]any{"shards": "four"}, `scalestack:postgres.shards: Invalid value: "four"`},
		{"unknown key", "postgres", map[string]any{"shard": 4}, "scalestack:postgres.shard:"},
		{"pools too large", "postgres", map[string]any{"maxConnections": 100}, "scalestack:postgres.maxConnections:"},
		{"unknown shard to drain", "postgres", map[string]any{"drain": []int{7}}, "scalestack:postgres.drain[0]: Invalid value: 7 is not a shard id between 0 and 3"},
		{"too many cache rules", "cdn", map[string]any{"rules": manyRules(11)}, "scalestack:cdn.rules:"},
	} {
		t.Run(bad.name, func(t *testing.T) {
			file := changedConfig(t, bad.section, bad.values)
			text, err := try(t, "pulumi", "up", "--yes", "--skip-preview", "--stack", "dev", "--non-interactive", "--config-file", file)
			require.Error(t, err, text)
			require.Contains(t, text, bad.want)
			require.Len(t, mistake.FindAllString(text, -1), 1, "one message for one mistake:\n%s", text)
			require.NotContains(t, text, "goroutine ")
			require.NotContains(t, text, "unhandled error")
		})
	}
	require.Equal(t, before, clusterState(t))
}

func changedConfig(t *testing.T, section string, values map[string]any) string {
	t.Helper()
	return editedConfig(t, section, func(settings map[string]any) { maps.Copy(settings, values) })
}

// changedService is a configuration in which one service has other settings.
func changedService(t *testing.T, service string, values map[string]any) string {
	t.Helper()
	return editedConfig(t, "services", func(settings map[string]any) { maps.Copy(settings[service].(map[string]any), values) })
}

func editedConfig(t *testing.T, section string, edit func(settings map[string]any)) string {
	t.Helper()
	return editedFile(t, func(config map[string]any) {
		key := "scalestack:" + section
		if config[key] == nil {
			config[key] = map[string]any{}
		}
		edit(config[key].(map[string]any))
	})
}

// editedFile is a configuration with any changes.
func editedFile(t *testing.T, edit func(config map[string]any)) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repo, "Pulumi.dev.yaml"))
	require.NoError(t, err)
	var file struct {
		Rest   map[string]any `yaml:",inline"`
		Config map[string]any `yaml:"config"`
	}
	require.NoError(t, yaml.Unmarshal(content, &file))
	edit(file.Config)
	changed, err := yaml.Marshal(file)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "Pulumi.dev.yaml")
	require.NoError(t, os.WriteFile(path, changed, 0o600))
	return path
}

// clusterState lists the objects of the stack with their versions, but for
// those that change by themselves.
func clusterState(t *testing.T) string {
	t.Helper()
	return kubectl(t, "get", "statefulsets,services,configmaps,secrets,poddisruptionbudgets,networkpolicies", "-n", outputs(t).Namespace,
		"-o", "custom-columns=KIND:.kind,NAME:.metadata.name,GENERATION:.metadata.generation,UID:.metadata.uid")
}

// manyRules is more than a free zone may have.
func manyRules(n int) []map[string]any {
	rules := make([]map[string]any, n)
	for i := range rules {
		rules[i] = map[string]any{"ref": fmt.Sprintf("rule-%d", i), "path": fmt.Sprintf("/assets-%d/*", i), "edgeTtl": 7200}
	}
	return rules
}
