package pack_test

import (
	"path/filepath"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/policies/pack"
	"github.com/scalestack/scalestack/policies/policytest"
	"github.com/scalestack/scalestack/policies/rule"
	"github.com/scalestack/scalestack/stack"
)

var environments = []string{"dev", "staging", "prod"}

// released is what the pipeline of a release passes in: production's file names
// no digest of the images that each release builds anew.
var released = map[string][]stack.Option{"prod": {
	stack.WithWorkloadImage("scalestack/users:0.1.0@" + releasedDigest),
	stack.WithShardctlImage("scalestack/shardctl:0.1.0@" + releasedDigest),
}}

const releasedDigest = "sha256:0f0e0d0c0b0a09080706050403020100f0e0d0c0b0a090807060504030201000"

// record returns what the program registers with an environment's own settings.
func record(t *testing.T, env string, options ...pulumi.RunOption) rule.Graph {
	t.Helper()
	values := settings(t, env)
	body, keep := stack.Program(released[env]...)
	configure := func(info *pulumi.RunInfo) { info.Config = values }
	return policytest.Record(t, env, body, append(options, configure, keep)...)
}

func settings(t *testing.T, env string) map[string]string {
	t.Helper()
	root := filepath.Join("..", "..")
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
			require.Empty(t, messages(pack.Violations(env, graph)))
		})
	}
}

// A first preview knows little: whatever it does not know must pass.
func TestPreviewIsSilent(t *testing.T) {
	for _, env := range environments {
		t.Run(env, func(t *testing.T) {
			graph := record(t, env, func(info *pulumi.RunInfo) { info.DryRun = true })
			require.Empty(t, messages(pack.Violations(env, graph)))
		})
	}
}
