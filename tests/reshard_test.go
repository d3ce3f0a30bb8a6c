package tests

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

// withShards are the settings of env's shards with some of them changed.
func withShards(t *testing.T, env string, changed map[string]any) map[string]string {
	t.Helper()
	var section map[string]any
	require.NoError(t, json.Unmarshal([]byte(settings(t, env)["scalestack:postgres"]), &section))
	maps.Copy(section, changed)
	text, err := json.Marshal(section)
	require.NoError(t, err)
	return map[string]string{"scalestack:postgres": string(text)}
}

// jobsOf returns what the Jobs of env that know the map are named, with some
// settings of the shards changed.
func jobsOf(t *testing.T, env string, changed map[string]any) map[string]string {
	t.Helper()
	g, err := run(t, env, withShards(t, env, changed))
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
		{"drain": []int{3}, "gone": []int{3}},
	} {
		after := jobsOf(t, "dev", changed)
		for name, old := range before {
			require.NotEqual(t, old, after[name], changed)
		}
	}
}

// A Job that nobody waits for may run when the next one of its name comes.
func TestAMoverThatIsReplacedIsGoneAtOnce(t *testing.T) {
	g, err := run(t, "dev", nil)
	require.NoError(t, err)
	found := 0
	for _, node := range g.find(job) {
		if at(t, node, `metadata.annotations["pulumi.com/skipAwait"]`) == "true" {
			require.Equal(t, "background", at(t, node, `metadata.annotations["pulumi.com/deletionPropagationPolicy"]`), node.Name)
			found++
		}
	}
	require.Positive(t, found)
}

// servers are those of the shards of each environment.
var servers = map[string]int{"dev": 4, "staging": 4, "prod": 12}

// shardOf is the shard that a server belongs to.
func shardOf(t *testing.T, set pulumi.MockResourceArgs) string {
	t.Helper()
	return at(t, set, `metadata.labels["app.kubernetes.io/instance"]`)
}

// A drained shard stays until it is empty: with its server, in the map, and
// with its credentials for whoever empties it.
func TestADrainedShardStays(t *testing.T) {
	for _, env := range environments {
		g, err := run(t, env, with(t, env, "postgres", "drain", []int{3}))
		require.NoError(t, err)
		sets := g.find(statefulSet)
		require.Len(t, sets, servers[env])
		for _, set := range sets {
			drained := shardOf(t, set) == "postgres-shard-3"
			require.Equal(t, drained, at(t, set, `metadata.annotations["scalestack/drained"]`) == "true", set.Name)
			require.Equal(t, !drained && env == "prod", set.RegisterRPC.GetProtect(), set.Name)
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

// A shard that is gone leaves nothing but its claim, which is retained, wherever it is in
// the list.
func TestAShardThatIsGoneLeaves(t *testing.T) {
	for _, env := range environments {
		image := "registry.example.com/postgres:17.5"
		g, err := run(t, env, withShards(t, env, map[string]any{
			"shards": 6, "drain": []int{0, 1}, "gone": []int{1}, "images": map[string]string{"4": image},
		}))
		require.NoError(t, err)
		var shards []string
		for _, set := range g.find(statefulSet) {
			shard := shardOf(t, set)
			shards = append(shards, shard)
			require.Equal(t, shard == "postgres-shard-0", at(t, set, `metadata.annotations["scalestack/drained"]`) == "true", set.Name)
			require.Equal(t, shard == "postgres-shard-4", strings.Contains(at(t, set, "spec.template.spec.containers"), image), set.Name)
		}
		require.Len(t, shards, servers[env]/4*5)
		require.Equal(t, []string{"postgres-shard-0", "postgres-shard-2", "postgres-shard-3", "postgres-shard-4", "postgres-shard-5"}, slices.Compact(shards))
		for _, node := range g.nodes {
			require.NotContains(t, node.Name, "shard-1")
			require.NotContains(t, at(t, node, "spec"), "shard-1", node.Name)
			require.NotContains(t, at(t, node, "data"), "shard-1", node.Name)
		}
	}
}
