package tests

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// The drill of failovers has settings of its own, which nothing else would try until
// somebody runs it.
func TestSettingsOfTheDrill(t *testing.T) {
	text, err := os.ReadFile("e2e/failoverstack.yaml")
	require.NoError(t, err)
	for image, members := range map[string]int{
		"":               1,
		"postgres:16.15": 1,
		"scalestack/postgres:16.2-patroni-4.1.5-barman-3.19.1":  3,
		"scalestack/postgres:16.15-patroni-4.1.5-barman-3.19.1": 3,
	} {
		t.Run(image, func(t *testing.T) {
			var sections map[string]any
			require.NoError(t, yaml.Unmarshal(text, &sections))
			shards := sections["scalestack:postgres"].(map[string]any)
			shards["members"] = members
			if image != "" {
				shards["image"] = image
			}
			values := encoded(t, sections)
			g, err := register("dev", values)
			require.NoError(t, err)
			require.NotEmpty(t, g.nodes)
		})
	}
}

func TestSettingsOfTheDrillOfBackups(t *testing.T) {
	text, err := os.ReadFile("e2e/backupstack.yaml")
	require.NoError(t, err)
	var sections map[string]any
	require.NoError(t, yaml.Unmarshal(text, &sections))
	// The drill makes this Secret from encrypted values.
	sections["scalestack:externalSecrets"] = []string{"bucket"}
	shards := sections["scalestack:postgres"].(map[string]any)
	shards["restore"] = map[string]any{"name": "lost", "shards": []int{0}, "to": "latest", "from": "dev-shard-0"}
	g, err := register("dev", encoded(t, sections))
	require.NoError(t, err)
	require.NotEmpty(t, g.nodes)
	for _, job := range g.find("kubernetes:batch/v1:Job") {
		require.NotContains(t, fmt.Sprint(job.Inputs), "SCALESTACK_CLONE_OF")
	}

	// A clone's databases take its own name before anything else looks at them.
	shards["restore"] = map[string]any{"name": "clone", "shards": []int{0}, "to": "latest", "fromCluster": "prod"}
	g, err = register("dev", encoded(t, sections))
	require.NoError(t, err)
	for _, job := range g.find("kubernetes:batch/v1:Job") {
		require.Equal(t, strings.Contains(job.Name, "shards-migrate"), strings.Contains(fmt.Sprint(job.Inputs), "SCALESTACK_CLONE_OF"), job.Name)
	}
	shards["restore"].(map[string]any)["fromCluster"] = "Prod"
	_, err = register("dev", encoded(t, sections))
	require.ErrorContains(t, err, `scalestack:postgres.restore.fromCluster: Invalid value: "Prod"`)
	delete(shards["restore"].(map[string]any), "fromCluster")
	delete(sections, "scalestack:externalSecrets")
	shards["restore"].(map[string]any)["shards"] = []int{1}
	_, err = register("dev", encoded(t, sections))
	require.ErrorContains(t, err, `scalestack:postgres.restore.shards[0]: Invalid value: 1: must be one of the shards`)
	require.ErrorContains(t, err, `scalestack:postgres.backup.credentialsSecret: Invalid value: "bucket": is made by nobody`)
}

// encoded is what Pulumi hands to the program.
func encoded(t *testing.T, sections map[string]any) map[string]string {
	t.Helper()
	values := map[string]string{}
	for name, section := range sections {
		value, isText := section.(string)
		if !isText {
			encoded, err := json.Marshal(section)
			require.NoError(t, err)
			value = string(encoded)
		}
		values[name] = value
	}
	return values
}
