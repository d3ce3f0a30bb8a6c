package main

import (
	"path/filepath"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/cluster/clustertest"
	"github.com/scalestack/scalestack/policies/rule"
	"github.com/scalestack/scalestack/stack"
)

var environments = []string{"dev", "staging", "prod"}

// localImages are the images of a local build, which dev's configuration asks for.
var localImages = stack.WithLocalImages(`{"scalestack/users:dev":"scalestack/users:dev-1","scalestack/shardctl:dev":"scalestack/shardctl:dev-1"}`)

var someCluster = stack.WithCluster((&clustertest.Fake{}).Connect)

// record returns what the program registers with an environment's own settings.
func record(t *testing.T, env string, options ...pulumi.RunOption) rule.Graph {
	t.Helper()
	values := settings(t, env)
	body, keep := stack.Program(localImages, someCluster)
	configure := func(info *pulumi.RunInfo) { info.Config = values }
	return recordProgram(t, env, body, append(options, configure, keep)...)
}

func settings(t *testing.T, env string) map[string]string {
	t.Helper()
	root := ".."
	project, err := workspace.LoadProject(filepath.Join(root, "Pulumi.yaml"))
	require.NoError(t, err)
	loaded, err := workspace.LoadProjectStack(nil, project, filepath.Join(root, "Pulumi."+env+".yaml"))
	require.NoError(t, err)
	values := map[string]string{}
	for key, value := range loaded.Config {
		text, err := value.Value(config.NopDecrypter)
		require.NoError(t, err)
		values[key.String()] = text
	}
	return values
}

func messages(violations []rule.Violation) []string {
	var texts []string
	for _, v := range violations {
		texts = append(texts, v.Rule+": "+v.Message())
	}
	return texts
}

func TestEveryEnvironmentIsSilent(t *testing.T) {
	for _, env := range environments {
		t.Run(env, func(t *testing.T) {
			graph := record(t, env)
			require.Greater(t, len(graph), 70)
			require.Empty(t, messages(violations(env, graph)))
		})
	}
}

// A first preview knows little: whatever it does not know must pass.
func TestPreviewIsSilent(t *testing.T) {
	for _, env := range environments {
		t.Run(env, func(t *testing.T) {
			graph := record(t, env, func(info *pulumi.RunInfo) { info.DryRun = true })
			require.Empty(t, messages(violations(env, graph)))
		})
	}
}

// violations runs every policy with its defaults, as tests do.
func violations(stack string, graph rule.Graph) []rule.Violation {
	var all []rule.Violation
	for _, one := range rules() {
		found, err := one.Violations(stack, nil, graph)
		if err != nil {
			panic(err)
		}
		all = append(all, found...)
	}
	return all
}
