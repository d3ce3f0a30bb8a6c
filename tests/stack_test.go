package tests

import (
	"encoding/json"
	"regexp"
	"slices"
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
			"pulumi:index:Stash target",
			"pulumi:providers:cloudflare cloudflare",
			"pulumi:providers:kubernetes kubernetes",
			"pulumi:providers:random random",
			"scalestack:cdn:CDN cdn",
			"scalestack:job:Job shards-migrate",
			"scalestack:job:Job shards-reshard",
			"scalestack:kafka:Kafka kafka",
			"scalestack:namespace:Namespace base",
			"scalestack:postgres:Postgres postgres",
			"scalestack:postgres:Roles postgres-roles",
			"scalestack:redis:Redis redis",
			"scalestack:service:Service analytics",
			"scalestack:service:Service app",
			"scalestack:service:Service email",
			"scalestack:service:Service invalidate",
			"scalestack:service:Service relay",
			"scalestack:service:Service shardctl",
		}, roots)
	})
}

func TestEveryObjectIsLabelledAndNamed(t *testing.T) {
	each(t, func(t *testing.T, env string, g *graph) {
		for _, node := range kubernetesObjects(g) {
			require.NotEmpty(t, at(t, node, "metadata.name"), id(node))
			require.NotEmpty(t, at(t, node, `metadata.labels["app.kubernetes.io/part-of"]`), id(node))
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

// A project may forbid default providers.
func TestNoResourceUsesADefaultProvider(t *testing.T) {
	each(t, func(t *testing.T, env string, g *graph) {
		for _, node := range g.nodes {
			own, _, _ := strings.Cut(node.TypeToken, ":")
			if node.Custom && own != "pulumi" {
				require.Contains(t, node.Provider, "::pulumi:providers:"+own+"::"+own+"::", id(node))
			}
		}
	})
}

func TestNoPasswordInPlainText(t *testing.T) {
	each(t, func(t *testing.T, env string, g *graph) {
		passwords := map[string]int{"dev": 17, "staging": 15, "prod": 23}
		require.Len(t, g.find("random:index/randomPassword:RandomPassword"), passwords[env],
			"two for each shard, one for the logins of migrations and moves, one for the cache, one for each of five services, one for each exporter of dev, two for Patroni of each shard of prod")
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
		require.Len(t, retained, 1+servers[env])
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

// The shards are migrated before any service knows the map, a service's own
// migration comes before its pods and before the services that share its tables, and
// buckets move once every service that uses the shards knows the map.
func TestOrder(t *testing.T) {
	each(t, func(t *testing.T, env string, g *graph) {
		for shard := range 4 {
			require.True(t, g.follows(job, "shards-migrate", statefulSet, "postgres-shard-"+strconv.Itoa(shard)))
		}
		require.True(t, g.follows(job, "app-migrate", job, "shards-migrate"))
		for _, name := range []string{"app", "relay", "email", "analytics"} {
			require.True(t, g.follows(deployment, name+"-deployment", job, "app-migrate"), name)
			require.True(t, g.follows(job, "shards-reshard", deployment, name+"-deployment"), name)
		}
		require.False(t, g.follows(deployment, "invalidate-deployment", job, "app-migrate"), "it uses no shard")
		for _, name := range []string{"relay", "email", "analytics", "invalidate"} {
			require.True(t, g.follows(deployment, name+"-deployment", "kubernetes:kafka.strimzi.io/v1beta2:KafkaUser", "kafka-user-"+name), name)
		}
		for _, node := range kubernetesObjects(g) {
			if node.TypeToken != namespace {
				require.NotEmpty(t, node.RegisterRPC.GetDependencies(), "%s does not wait for the namespace", id(node))
			}
		}
	})
}

// One more shard is no new dependency of a service: it waits for the shards'
// migration, which waits for them.
func TestServicesDoNotDependOnSingleShards(t *testing.T) {
	each(t, func(t *testing.T, env string, g *graph) {
		for _, node := range g.find(deployment) {
			require.NotContains(t, strings.Join(node.RegisterRPC.GetDependencies(), "\n"), "postgres-shard-", id(node))
		}
	})
}

// forceNew are the inputs whose change makes the provider replace an object, beside its
// name and namespace (forceNew in pulumi-kubernetes' diff.go). The stack names every
// object, so that it is deleted first.
var forceNew = map[string][]string{
	"apps/v1:Deployment":            {"spec.selector"},
	"apps/v1:StatefulSet":           {"spec.podManagementPolicy", "spec.revisionHistoryLimit", "spec.selector", "spec.serviceName", "spec.volumeClaimTemplates"},
	"batch/v1:Job":                  {"spec.completions", "spec.parallelism", "spec.selector", "spec.template"},
	"core/v1:PersistentVolumeClaim": {"spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"},
	"core/v1:Secret":                {"type"},
	"core/v1:Service":               {"spec.clusterIP"},
}

func inputsOf(node pulumi.MockResourceArgs) []string {
	return forceNew[strings.TrimPrefix(node.TypeToken, "kubernetes:")]
}

// ownSecrets runs env with all Secrets made by the stack, and one of them with these keys.
func ownSecrets(t *testing.T, env, mail string) *graph {
	const tls = `{"tls.crt":"a","tls.key":"a","ca.crt":"a"}`
	g, err := run(t, env, map[string]string{
		"scalestack:externalSecrets": "[]", "scalestack:secrets": `{"mail-login":` + mail + `,"shards-tls":` + tls + `,"cache-tls":` + tls + `}`,
	}, func(info *pulumi.RunInfo) { info.ConfigSecretKeys = []string{"scalestack:secrets"} })
	require.NoError(t, err)
	return g
}

// What takes an output of an object that is replaced is replaced too, by deleting it
// first, where it decides one of these inputs: a new image of shardctl, or a new key of a
// Secret, would stop every service. So workloads come after such objects by dependsOn. An
// object counts as one if the environments, whose settings differ, make it differently.
func TestNoWorkloadUsesAnOutputOfWhatIsReplaced(t *testing.T) {
	graphs := []*graph{deployed(t, "dev"), ownSecrets(t, "staging", `{"password":"a"}`), ownSecrets(t, "prod", `{"tls.crt":"a","tls.key":"a"}`)}
	made, replaced := map[string]string{}, map[string]bool{}
	for _, g := range graphs {
		for _, node := range g.nodes {
			inputs := ""
			for _, path := range inputsOf(node) {
				inputs += path + ": " + at(t, node, path) + "\n"
			}
			if other, known := made[id(node)]; known && other != inputs {
				replaced[id(node)] = true
			}
			made[id(node)] = inputs
		}
	}
	require.True(t, replaced["kubernetes:core/v1:Secret secrets-mail-login"])
	require.True(t, replaced[job+" shards-migrate"])
	for _, g := range graphs {
		requireNoOutput(t, g, replaced)
	}
}

func requireNoOutput(t *testing.T, g *graph, replaced map[string]bool) {
	ids := map[string]string{}
	for _, node := range g.nodes {
		ids[urnOf(node)] = id(node)
	}
	for _, node := range kubernetesObjects(g) {
		uses := node.RegisterRPC.GetPropertyDependencies()
		for _, path := range append([]string{"metadata"}, inputsOf(node)...) {
			property, _, _ := strings.Cut(path, ".")
			for _, urn := range uses[property].GetUrns() {
				require.False(t, replaced[ids[urn]] || strings.HasPrefix(ids[urn], job), "%s of %s comes from %s", property, id(node), urn)
			}
		}
	}
}

// exporter is what dev has alone: production pins images by a digest that only its
// registry tells.
var exporter = regexp.MustCompile(`^(postgres|redis)-(exporter|monitor)(-|$)`)

// scaler is the autoscaler of email, which in dev alone is KEDA's: other clusters have to
// have KEDA first.
var scaler = regexp.MustCompile(`^email-(autoscaler|lag-user|lag-access)$`)

// Node pools, the operator's chart, Argo, the record with its rate limit, the Jobs of a
// serial rollout and of TLS and the exporters are there or not by their settings; all else is the same in
// every environment, once it has as many members and the backups of prod.
func TestEnvironmentsDifferInValuesOnly(t *testing.T) {
	shape := func(g *graph) []string {
		var types []string
		for _, node := range g.nodes {
			sized := strings.Contains(node.RegisterRPC.GetParent(), ":kafka:Kafka") || strings.HasSuffix(node.Name, "-gate") ||
				exporter.MatchString(node.Name) || scaler.MatchString(node.Name) ||
				slices.Contains([]string{"cdn-argo", "cdn-record", "cdn-rate-limit", "postgres-clients"}, node.Name)
			if !sized {
				types = append(types, id(node))
			}
		}
		return types
	}
	require.Equal(t, shape(deployed(t, "dev")), shape(deployed(t, "staging")))
	var shards map[string]any
	require.NoError(t, json.Unmarshal([]byte(settings(t, "prod")["scalestack:postgres"]), &shards))
	copied, err := run(t, "staging", withShards(t, "staging", map[string]any{
		"members": shards["members"], "backup": shards["backup"], "image": shards["image"],
	}))
	require.NoError(t, err)
	require.Equal(t, shape(copied), shape(deployed(t, "prod")))
}
