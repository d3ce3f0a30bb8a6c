package tests

import (
	"strconv"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

const (
	statefulSet = "kubernetes:apps/v1:StatefulSet"
	deployment  = "kubernetes:apps/v1:Deployment"
	job         = "kubernetes:batch/v1:Job"
	volumeClaim = "kubernetes:core/v1:PersistentVolumeClaim"
	namespace   = "kubernetes:core/v1:Namespace"
)

func each(t *testing.T, check func(t *testing.T, env string, g *graph)) {
	for _, env := range environments {
		t.Run(env, func(t *testing.T) { check(t, env, deployed(t, env)) })
	}
}

func TestEveryResourceHasItsParent(t *testing.T) {
	each(t, func(t *testing.T, env string, g *graph) {
		var roots []string
		for _, node := range g.nodes {
			parent := node.RegisterRPC.GetParent()
			if strings.Contains(parent, "::pulumi:pulumi:Stack::") {
				roots = append(roots, id(node))
				continue
			}
			require.Containsf(t, parent, "scalestack:", "%s has no component above it", id(node))
		}
		require.Equal(t, []string{
			"pulumi:providers:kubernetes kubernetes",
			"scalestack:app:App analytics",
			"scalestack:app:App app",
			"scalestack:app:App email",
			"scalestack:app:App invalidate",
			"scalestack:app:App relay",
			"scalestack:base:Base base",
			"scalestack:cdn:CDN cdn",
			"scalestack:kafka:Kafka kafka",
			"scalestack:postgres:Postgres postgres",
			"scalestack:redis:Redis redis",
		}, roots)
	})
}

func TestEveryObjectIsLabelledAndNamed(t *testing.T) {
	each(t, func(t *testing.T, env string, g *graph) {
		for _, node := range kubernetesObjects(g) {
			require.NotEmpty(t, at(t, node, "metadata.name"), id(node))
			require.Equal(t, "scalestack", at(t, node, `metadata.labels["app.kubernetes.io/part-of"]`), id(node))
			if node.TypeToken != namespace {
				require.Equal(t, "scalestack", at(t, node, "metadata.namespace"), id(node))
			}
		}
	})
}

// kubernetesObjects leaves out the operator's chart, whose objects are its own.
func kubernetesObjects(g *graph) []pulumi.MockResourceArgs {
	var objects []pulumi.MockResourceArgs
	for _, node := range g.nodes {
		if strings.HasPrefix(node.TypeToken, "kubernetes:") && !strings.HasPrefix(node.TypeToken, "kubernetes:helm.sh/") {
			objects = append(objects, node)
		}
	}
	return objects
}

func TestEveryObjectUsesTheStacksProvider(t *testing.T) {
	each(t, func(t *testing.T, env string, g *graph) {
		for _, node := range kubernetesObjects(g) {
			require.Contains(t, node.Provider, "::pulumi:providers:kubernetes::kubernetes::", id(node))
		}
		provider := g.find("pulumi:providers:kubernetes")[0]
		for _, option := range []string{"enableConfigMapMutable", "enableSecretMutable", "enableServerSideApply"} {
			require.Equal(t, "true", at(t, provider, option))
		}
	})
}

func TestNoPasswordInPlainText(t *testing.T) {
	each(t, func(t *testing.T, env string, g *graph) {
		require.Len(t, g.find("random:index/randomPassword:RandomPassword"), 9, "two for each shard, one for the cache")
		require.NotContains(t, g.text(t), password)
	})
}

func TestSameConfigurationSameGraph(t *testing.T) {
	each(t, func(t *testing.T, env string, g *graph) {
		require.Equal(t, g.text(t), deployed(t, env).text(t))
	})
}

func TestPreviewBuilds(t *testing.T) {
	for _, env := range environments {
		g, err := run(t, env, nil, func(info *pulumi.RunInfo) { info.DryRun = true })
		require.NoError(t, err)
		require.Equal(t, len(deployed(t, env).nodes), len(g.nodes))
	}
}

func TestDestroyKeepsTheData(t *testing.T) {
	each(t, func(t *testing.T, env string, g *graph) {
		retained := append(g.find(namespace), g.find(volumeClaim)...)
		require.Len(t, retained, 5)
		for _, node := range retained {
			require.True(t, node.RegisterRPC.GetRetainOnDelete(), id(node))
			require.NotEmpty(t, at(t, node, `metadata.annotations["pulumi.com/patchFieldManager"]`),
				"%s must be adopted by the next deployment", id(node))
		}
	})
}

func TestOnlyProductionIsProtected(t *testing.T) {
	each(t, func(t *testing.T, env string, g *graph) {
		for _, node := range append(g.find(statefulSet), g.find(volumeClaim)...) {
			require.Equal(t, env == "prod", node.RegisterRPC.GetProtect(), id(node))
		}
	})
}

// The migration needs every shard, the app needs the migration, and buckets
// move when the app knows every shard.
func TestOrder(t *testing.T) {
	each(t, func(t *testing.T, env string, g *graph) {
		jobs := g.find(job)
		require.Equal(t, []string{"app-migrate", "app-reshard"}, []string{jobs[0].Name, jobs[1].Name})
		require.Contains(t, strings.Join(jobs[1].RegisterRPC.GetDependencies(), "\n"), deployment+"::app-deployment")
		before := strings.Join(jobs[0].RegisterRPC.GetDependencies(), "\n")
		for shard := range 4 {
			require.Contains(t, before, statefulSet+"::postgres-shard-"+strconv.Itoa(shard))
		}
		for _, node := range g.find(deployment) {
			if node.Name == "app-deployment" {
				require.Contains(t, strings.Join(node.RegisterRPC.GetDependencies(), "\n"), job+"::")
			}
		}
		for _, node := range kubernetesObjects(g) {
			if node.TypeToken != namespace {
				require.NotEmpty(t, node.RegisterRPC.GetDependencies(), "%s does not wait for the namespace", id(node))
			}
		}
	})
}

// Node pools, the operator's chart and Argo are there or not by their settings;
// all else is the same in every environment.
func TestEnvironmentsDifferInValuesOnly(t *testing.T) {
	shape := func(env string) []string {
		var types []string
		for _, node := range deployed(t, env).nodes {
			sized := strings.Contains(node.RegisterRPC.GetParent(), ":kafka:Kafka") || node.TypeToken == "cloudflare:index/argo:Argo"
			if !sized {
				types = append(types, id(node))
			}
		}
		return types
	}
	require.Equal(t, shape("dev"), shape("staging"))
	require.Equal(t, shape("staging"), shape("prod"))
}
