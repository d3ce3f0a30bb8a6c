package tests

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// jobsOf returns what the Jobs of env that know the map are named, with some
// settings of the shards changed.
func jobsOf(t *testing.T, env string, changed map[string]any) map[string]string {
	t.Helper()
	var section map[string]any
	require.NoError(t, json.Unmarshal([]byte(settings(t, env)["scalestack:postgres"]), &section))
	for key, value := range changed {
		section[key] = value
	}
	text, err := json.Marshal(section)
	require.NoError(t, err)
	g, err := run(t, env, map[string]string{"scalestack:postgres": string(text)})
	require.NoError(t, err)
	names := map[string]string{}
	for _, node := range g.find(job) {
		if slices.Contains([]string{"shards-migrate", "shards-reshard", "app-migrate"}, node.Name) {
			names[node.Name] = at(t, node, "metadata.name")
		}
	}
	require.Len(t, names, 3)
	return names
}

func TestAChangedMapIsNewWork(t *testing.T) {
	before := jobsOf(t, "dev", nil)
	require.Equal(t, before, jobsOf(t, "dev", map[string]any{"maxConnections": 145, "disruption": "None"}))
	for _, changed := range []map[string]any{
		{"shards": 6}, {"drain": []int{3}}, {"weights": map[string]any{"1": 2}}, {"pins": map[string]any{"17": 2}},
	} {
		after := jobsOf(t, "dev", changed)
		for name, old := range before {
			require.NotEqual(t, old, after[name], changed)
		}
	}
}

// A drained shard stays until it is empty: with its server, in the map, and
// with its credentials for whoever empties it.
func TestADrainedShardStays(t *testing.T) {
	for _, env := range environments {
		g, err := run(t, env, with(t, env, "postgres", "drain", []int{3}))
		require.NoError(t, err)
		sets := g.find(statefulSet)
		require.Len(t, sets, 4)
		for i, set := range sets {
			require.Equal(t, i == 3, at(t, set, `metadata.annotations["scalestack/drained"]`) == "true")
			require.Equal(t, i != 3 && env == "prod", set.RegisterRPC.GetProtect())
		}
		for _, node := range g.find(job) {
			if !strings.HasPrefix(node.Name, "postgres-") {
				require.Contains(t, at(t, node, "spec.template.spec.volumes"), "postgres-shard-3-admin", node.Name)
			}
		}
		for _, node := range g.find("kubernetes:core/v1:ConfigMap") {
			if text := at(t, node, `data["map.json"]`); text != "" {
				require.Contains(t, text, `"name":"shard-3"`)
				require.NotContains(t, text[strings.Index(text, "assignment"):], "3")
			}
		}
	}
}
