package tests

import (
	"path/filepath"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"github.com/stretchr/testify/require"
)

// A program that knows nothing of Scalestack joins the stack with its section alone.
func TestExampleOfAForeignService(t *testing.T) {
	project, err := workspace.LoadProject(filepath.Join("..", "Pulumi.yaml"))
	require.NoError(t, err)
	example, err := workspace.LoadProjectStack(nil, project, filepath.Join("..", "examples", "foreign-service", "Pulumi.example.yaml"))
	require.NoError(t, err)
	values := map[string]string{}
	for key, value := range example.Config {
		text, err := value.Value(config.NopDecrypter)
		require.NoError(t, err)
		values[key.String()] = text
	}
	g, err := register("dev", values)
	require.NoError(t, err)

	pods := "spec.template.spec.containers[0]"
	for _, node := range g.find(deployment) {
		if node.Name != "shop-deployment" {
			continue
		}
		require.Equal(t, "SCALESTACK_REDIS_ADDRESS", at(t, node, pods+".env[2].name"))
		require.Equal(t, "PODINFO_CACHE_SERVER", at(t, node, pods+".env[5].name"), "a variable may refer to those before it")
		require.Equal(t, "/readyz", at(t, node, pods+".readinessProbe.httpGet.path"))
		require.NotContains(t, at(t, node, "spec.template.spec.volumes"), "postgres")
		return
	}
	require.Fail(t, "no Deployment shop")
}
