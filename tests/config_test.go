package tests

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/stack"
)

// with returns env's section with one value changed.
func with(t *testing.T, env, section, key string, value any) map[string]string {
	t.Helper()
	name := "scalestack:" + section
	object := map[string]any{}
	require.NoError(t, json.Unmarshal([]byte(settings(t, env)[name]), &object))
	object[key] = value
	text, err := json.Marshal(object)
	require.NoError(t, err)
	return map[string]string{name: string(text)}
}

func rules(n int) []map[string]any {
	var list []map[string]any
	for i := range n {
		list = append(list, map[string]any{"ref": fmt.Sprintf("r%d", i), "path": fmt.Sprintf("/assets%d/*", i), "edgeTtl": 86400})
	}
	return list
}

func TestBadConfigurationsRegisterNothing(t *testing.T) {
	for name, c := range map[string]struct {
		changed map[string]string
		want    string
	}{
		"no shards":    {with(t, "dev", "postgres", "shards", 0), "scalestack:postgres.shards: 0 is not between 1 and 960"},
		"text":         {with(t, "dev", "postgres", "shards", "four"), `scalestack:postgres.shards: "four" is not a whole number between 1 and 960`},
		"drained":      {with(t, "dev", "postgres", "drain", []int{4}), "scalestack:postgres.drain[0]: 4 is not a shard id between 0 and 3"},
		"unknown key":  {with(t, "dev", "app", "poolSize", 5), "scalestack:app.poolSize: is not a setting, known here: cacheTtl, callers, cpuTargetPercent, metrics, pool, replicas, resources"},
		"unknown part": {map[string]string{"scalestack:postgers": "{}"}, "scalestack:postgers: is not a setting, known here: app, cdn, events, images, kafka, kubernetes, namespace, postgres, redis"},
		"pool": {with(t, "dev", "app", "pool", 20),
			"scalestack:postgres.maxConnections: 140 is below the 285 that every shard must accept: app 20 × 13 pods (replicas.max 10 and 3 more during a rollout), events.relay 1 × 3 pods (replicas.max 2 and 1 more during a rollout), events.email 2 × 3 pods (replicas.max 2 and 1 more during a rollout), events.analytics 2 × 3 pods (replicas.max 2 and 1 more during a rollout), and 10 reserved for administration and replication"},
		"11 cache rules": {with(t, "dev", "cdn", "rules", rules(11)), "scalestack:cdn.rules: 11 and the 2 bypass rules make 13, plan free allows 10"},
		"cached api": {with(t, "dev", "cdn", "rules", []map[string]any{{"ref": "a", "path": "/users/*", "edgeTtl": 86400}}),
			`scalestack:cdn.rules[0].path: "/users/*" lies below /users, which is never cached`},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := run(t, "dev", c.changed)
			require.Error(t, err)
			require.Contains(t, err.Error(), "the configuration is refused, nothing was changed:\n"+c.want+"\n")
			require.Empty(t, g.nodes)
		})
	}
}

// The files name the shard counts themselves: a default that changes one day
// must not change what a running environment is.
func TestEnvironmentsStateTheirShards(t *testing.T) {
	for _, env := range environments {
		var section map[string]any
		require.NoError(t, json.Unmarshal([]byte(settings(t, env)["scalestack:postgres"]), &section))
		require.Contains(t, section, "shards", env)
		require.Contains(t, section, "initialShards", env)
	}
}

// Pulumi itself lists the settings by Pulumi.yaml.
func TestProjectDeclaresEverySection(t *testing.T) {
	project, err := workspace.LoadProject(filepath.Join("..", "Pulumi.yaml"))
	require.NoError(t, err)
	require.NoError(t, project.Validate())
	var declared []string
	for key, setting := range project.Config {
		require.NotEmpty(t, setting.Description, key)
		require.NotNil(t, setting.Default, "%s would have to be in every stack's file", key)
		declared = append(declared, key)
	}
	slices.Sort(declared)
	var known []string
	for _, section := range stack.Sections() {
		known = append(known, "scalestack:"+section)
	}
	require.Equal(t, known, declared)
}
