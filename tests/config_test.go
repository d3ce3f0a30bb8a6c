package tests

import (
	"encoding/json"
	"fmt"
	"path/filepath"
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
	if text, given := settings(t, env)[name]; given {
		require.NoError(t, json.Unmarshal([]byte(text), &object))
	}
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
		"no shards":    {with(t, "dev", "postgres", "shards", 0), "scalestack:postgres.shards: Invalid value: 0: must be between 1 and 960"},
		"string":       {with(t, "dev", "postgres", "shards", "four"), `scalestack:postgres.shards: Invalid value: "four": must be an integer between 1 and 960`},
		"drained":      {with(t, "dev", "postgres", "drain", []int{4}), "scalestack:postgres.drain[0]: Invalid value: 4 is not a shard id between 0 and 3"},
		"unknown key":  {with(t, "dev", "kubernetes", "contxt", "prod"), "scalestack:kubernetes.contxt: Forbidden: is not a setting; known here: apiServers, cluster, context, pullSecret"},
		"unknown part": {map[string]string{"scalestack:postgers": "{}"}, "scalestack:postgers: Forbidden: is not a setting; known here: cdn, externalSecrets, gateway, kafka, keda, kubernetes, metrics, namespace, postgres, redis, secrets, services"},
		"pool": {with(t, "dev", "postgres", "maxConnections", 100),
			"scalestack:postgres.maxConnections: Invalid value: 100: must be at least 136: analytics 2 × 3 pods (replicas.max 2 and 1 more during a rollout), email 2 × 5 pods (replicas.max 4 and 1 more during a rollout), relay 2 × 3 pods (replicas.max 2 and 1 more during a rollout), users 8 × 13 pods (replicas.max 10 and 3 more during a rollout), and 10 reserved for administration and replication"},
		"11 cache rules": {with(t, "dev", "cdn", "rules", rules(11)), "scalestack:cdn.rules: "},
		"cached api":     {with(t, "dev", "cdn", "rules", []map[string]any{{"ref": "a", "path": "/users/*", "edgeTtl": 86400}}), "scalestack:cdn.rules[0].path: "},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := run(t, "dev", c.changed)
			require.Error(t, err)
			require.Contains(t, err.Error(), "the configuration is refused, nothing was changed:\n"+c.want)
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
	var known []string
	for _, section := range stack.Sections() {
		known = append(known, "scalestack:"+section)
	}
	require.ElementsMatch(t, known, declared)
}
