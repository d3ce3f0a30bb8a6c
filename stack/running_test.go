package stack

import (
	"fmt"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/cluster"
	"github.com/scalestack/scalestack/internal/cluster/clustertest"
)

// version is what a Deployment's pods with this pool are made of.
func version(name, pool string, pods int) map[string]any {
	env := []any{map[string]any{"name": "SCALESTACK_DB_POOL", "value": pool}}
	return map[string]any{
		"metadata": map[string]any{"labels": map[string]any{"app.kubernetes.io/name": name}},
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
			"containers": []any{map[string]any{"env": env}},
		}}},
		"status": map[string]any{"replicas": int64(pods)},
	}
}

func scaledTo(name string, most int) map[string]any {
	return map[string]any{"spec": map[string]any{"scaleTargetRef": map[string]any{"name": name}, "maxReplicas": int64(most)}}
}

// deployedShards accept 140 connections each.
func deployedShards(objects map[string]map[string]any) *clustertest.Fake {
	objects["configmaps/scalestack/postgres-shard-0-config"] = map[string]any{
		"data": map[string]any{"postgresql.conf": "port = '5432'\nmax_connections = '140'\n"},
	}
	return &clustertest.Fake{
		Namespaces: map[string]*cluster.Object{"scalestack": marked(stackOfRun + "@" + clustertest.ID)}, Objects: objects,
	}
}

// Pods of before hold what their pools allow until the rollout, which comes after the shards.
func TestFewerConnectionsComeAfterSmallerPools(t *testing.T) {
	state := resource.NewPropertyMapFromMap(map[string]any{"cluster": clustertest.ID, "namespace": "scalestack"})
	const autoscaler = "horizontalpodautoscalers/scalestack/web"
	for name, one := range map[string]struct {
		objects        map[string]map[string]any
		maxConnections int
		want           string // "" lets the run go on
	}{
		"smaller pools with it": {map[string]map[string]any{"replicasets/scalestack/web-1": version("web", "10", 4), autoscaler: scaledTo("web", 10)}, 80,
			`scalestack:postgres.maxConnections: Invalid value: 80: must be at least 140 while the pods of before run: web 130, and 10 reserved for administration and replication. ` +
				`The shards would restart first. Fix: deploy everything else with maxConnections 140, as it is, and then 80 alone`},
		"a rollout that failed": {map[string]map[string]any{
			"replicasets/scalestack/web-1": version("web", "10", 4), "replicasets/scalestack/web-2": version("web", "5", 1), autoscaler: scaledTo("web", 10),
		}, 80, "must be at least 140 while the pods of before run: web 130"},
		"fewer pods with it": {map[string]map[string]any{"replicasets/scalestack/web-1": version("web", "5", 20), autoscaler: scaledTo("web", 20)}, 80,
			"must be at least 135 while the pods of before run: web 125"},
		"a service that leaves": {map[string]map[string]any{
			"replicasets/scalestack/web-1": version("web", "5", 4), "replicasets/scalestack/old-1": version("old", "3", 2), autoscaler: scaledTo("web", 10),
		}, 80, "must be at least 81 while the pods of before run: old 6, web 65"},
		"smaller pools before": {map[string]map[string]any{
			"replicasets/scalestack/web-1": version("web", "10", 0), "replicasets/scalestack/web-2": version("web", "5", 4), autoscaler: scaledTo("web", 10),
		}, 80, ""},
		"as many connections":  {map[string]map[string]any{"replicasets/scalestack/web-1": version("web", "10", 4), autoscaler: scaledTo("web", 10)}, 140, ""},
		"more connections":     {map[string]map[string]any{"replicasets/scalestack/web-1": version("web", "50", 4), autoscaler: scaledTo("web", 10)}, 200, ""},
		"a service without it": {map[string]map[string]any{"replicasets/scalestack/web-1": version("web", "", 4), autoscaler: scaledTo("web", 100)}, 80, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := &engine{outputs: state}
			err := e.run(t, deployedShards(one.objects), map[string]string{
				"scalestack:postgres": fmt.Sprintf(`{"shards":2,"initialShards":1,"maxConnections":%d}`, one.maxConnections),
				"scalestack:services": `{"web":{"image":"a:1","replicas":{"min":3,"max":10},"uses":{"shards":{"pool":5,"write":["orders"]}}}}`,
			})
			if one.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, one.want)
			require.Empty(t, e.names())
		})
	}
}
