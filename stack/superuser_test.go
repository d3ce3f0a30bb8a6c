package stack

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/postgres"
	"github.com/scalestack/scalestack/internal/cluster"
	"github.com/scalestack/scalestack/internal/cluster/clustertest"
)

// Shards refuse the superuser from outside once nobody comes so any more: members of an earlier release follow so, and its mover logs in so.
func TestShardsRefuseTheSuperuserOneDeploymentLater(t *testing.T) {
	mover := func(key string) map[string]any {
		items := []any{map[string]any{"key": key, "path": "shard-0/password"}}
		return map[string]any{"type": "kubernetes:batch/v1:Job", "outputs": map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
			"volumes": []any{map[string]any{"name": "map"}, map[string]any{"projected": map[string]any{"sources": []any{
				map[string]any{"secret": map[string]any{"name": "postgres-shard-0-admin", "items": items}}}}}},
		}}}}}
	}
	config := func(hba string) map[string]any {
		return map[string]any{"type": "kubernetes:core/v1:ConfigMap", "outputs": map[string]any{"data": map[string]any{"pg_hba.conf": hba}}}
	}
	const job, shard = "urn:pulumi:prod::scalestack::scalestack:job:Job$kubernetes:batch/v1:Job::", "urn:pulumi:prod::scalestack::kubernetes:core/v1:ConfigMap::postgres-shard-0-config"
	for name, tc := range map[string]struct {
		state map[string]any
		want  bool
	}{
		"an earlier release":                {map[string]any{job + "shards-reshard": mover("password"), shard: config("host all all all scram-sha-256\n")}, false},
		"a deployment that failed half-way": {map[string]any{job + "shards-reshard": mover("password"), job + "shards-migrate": mover("mover-password")}, false},
		"the mover of this release":         {map[string]any{job + "shards-reshard": mover("mover-password")}, true},
		"a first deployment that failed":    {map[string]any{shard: config("host    all          postgres  all  reject\n")}, true},
		"with TLS":                          {map[string]any{shard: config("hostssl all          postgres  all  reject\n")}, true},
	} {
		t.Run(name, func(t *testing.T) {
			tc.state["urn:set"] = map[string]any{"type": "kubernetes:apps/v1:StatefulSet", "outputs": map[string]any{"metadata": map[string]any{"name": "postgres-shard-0"}}}
			e := &engine{
				outputs:   resource.NewPropertyMapFromMap(map[string]any{"cluster": clustertest.ID, "namespace": "scalestack"}),
				resources: resource.NewPropertyMapFromMap(tc.state),
			}
			there := &clustertest.Fake{Namespaces: map[string]*cluster.Object{"scalestack": marked(stackOfRun + "@" + clustertest.ID)}}
			require.NoError(t, e.run(t, there, nil))
			require.Equal(t, tc.want, e.refuses(t))
		})
	}
	e := &engine{}
	require.NoError(t, e.run(t, &clustertest.Fake{}, nil))
	require.True(t, e.refuses(t), "a new stack")
}

func (e *engine) refuses(t *testing.T) bool {
	t.Helper()
	for _, one := range e.registered {
		if one.Name == "postgres-shard-0-config" {
			return postgres.RefusesSuperuser(one.Inputs["data"].ObjectValue()["pg_hba.conf"].StringValue())
		}
	}
	require.Fail(t, "no ConfigMap")
	return false
}
