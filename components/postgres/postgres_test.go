package postgres

import (
	"regexp"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
)

func run(t *testing.T, args *Args) *kubetest.Recorder {
	t.Helper()
	return kubetest.Run(t, func(ctx *pulumi.Context) error {
		_, err := New(ctx, "postgres", args)
		return err
	})
}

func TestNewMakesTheObjectsOfEachShard(t *testing.T) {
	record := run(t, &Args{Shards: []int{0, 7}})
	require.Equal(t, []string{
		"ConfigMap postgres-rollout",
		"ConfigMap postgres-shard-0-config",
		"ConfigMap postgres-shard-7-config",
		"Job postgres-rollout-#",
		"Job postgres-shard-0-#",
		"Job postgres-shard-7-#",
		"NetworkPolicy postgres",
		"NetworkPolicy postgres-rollout",
		"PersistentVolumeClaim data-postgres-shard-0-0",
		"PersistentVolumeClaim data-postgres-shard-7-0",
		"PodDisruptionBudget postgres",
		"Secret postgres-shard-0-admin",
		"Secret postgres-shard-0-app",
		"Secret postgres-shard-7-admin",
		"Secret postgres-shard-7-app",
		"Service postgres-shard-0",
		"Service postgres-shard-0-headless",
		"Service postgres-shard-7",
		"Service postgres-shard-7-headless",
		"StatefulSet postgres-shard-0",
		"StatefulSet postgres-shard-7",
	}, withoutHashes(record.Names()))
	record.RequireParented(t, "postgres")
	record.RequireNoPlainSecret(t, kubetest.Password)
}

// A shard that leaves the list must not change what the others are called.
func TestAShardsNamesDependOnItsIDAlone(t *testing.T) {
	both, one := run(t, &Args{Shards: []int{0, 7}}), run(t, &Args{Shards: []int{7}})
	require.Subset(t, withoutHashes(both.Names()), withoutHashes(one.Names()))
	urn := func(r *kubetest.Recorder) string { return r.Get(t, "StatefulSet", "postgres-shard-7").Name }
	require.Equal(t, urn(both), urn(one))
}

var jobHash = regexp.MustCompile(`^(Job .*-)[0-9a-f]{8}$`)

func withoutHashes(names []string) []string {
	for i, name := range names {
		names[i] = jobHash.ReplaceAllString(name, "$1#")
	}
	return names
}

func TestNewDescribesItsShards(t *testing.T) {
	var shards []Shard
	values := make(chan []any, 1)
	kubetest.Run(t, func(ctx *pulumi.Context) error {
		made, err := New(ctx, "postgres", &Args{Shards: []int{2}, Namespace: pulumi.String("ns")})
		if err != nil {
			return err
		}
		shards = made.Shards
		s := shards[0]
		pulumi.All(s.Host, s.AdminSecret, s.AppSecret).ApplyT(func(all []any) bool {
			values <- all
			return true
		})
		return nil
	})
	require.Len(t, shards, 1)
	require.Equal(t, 2, shards[0].ID)
	require.Equal(t, "shard-2", shards[0].Name)
	require.Equal(t, "shard_2_db", shards[0].Database)
	require.Equal(t, 5432, shards[0].Port)
	require.Equal(t, []any{
		"postgres-shard-2.ns.svc.cluster.local", "postgres-shard-2-admin", "postgres-shard-2-app",
	}, <-values)
}

func TestClaimsSurviveEveryDeployment(t *testing.T) {
	claim := run(t, &Args{Shards: []int{0}}).Get(t, "PersistentVolumeClaim", "data-postgres-shard-0-0")
	require.True(t, claim.RegisterRPC.GetRetainOnDelete())
	require.False(t, claim.RegisterRPC.GetProtect())
	require.Equal(t, []string{"spec.accessModes", "spec.volumeName"}, claim.RegisterRPC.GetIgnoreChanges(), "and a volume may grow")
	classed := run(t, &Args{Shards: []int{0}, Storage: Storage{Class: pulumi.String("fast")}}).Get(t, "PersistentVolumeClaim", "data-postgres-shard-0-0")
	require.Contains(t, classed.RegisterRPC.GetIgnoreChanges(), "spec.storageClassName")
	require.Equal(t, "fast", kubetest.Text(classed, "spec.storageClassName"))
	require.Equal(t, "true", kubetest.Text(claim, `metadata.annotations["pulumi.com/skipAwait"]`))
	require.Equal(t, "scalestack", kubetest.Text(claim, `metadata.annotations["pulumi.com/patchFieldManager"]`))
}

func TestProtectCoversWhatHoldsData(t *testing.T) {
	record := run(t, &Args{Shards: []int{0}, Protect: true})
	require.True(t, record.Get(t, "PersistentVolumeClaim", "data-postgres-shard-0-0").RegisterRPC.GetProtect())
	require.True(t, record.Get(t, "StatefulSet", "postgres-shard-0").RegisterRPC.GetProtect())
	require.False(t, record.Get(t, "ConfigMap", "postgres-shard-0-config").RegisterRPC.GetProtect())
}

// A drained shard is to leave the list one day.
func TestDrainedShardsAreMarkedAndNotProtected(t *testing.T) {
	record := run(t, &Args{Shards: []int{0, 1}, Drained: []int{1}, Protect: true})
	for id, want := range []string{"", "true"} {
		shard := ShardName(id)
		for _, object := range []pulumi.MockResourceArgs{
			record.Get(t, "StatefulSet", "postgres-"+shard), record.Get(t, "PersistentVolumeClaim", "data-postgres-"+shard+"-0"),
		} {
			require.Equal(t, want, kubetest.Text(object, `metadata.annotations["scalestack/drained"]`), object.Name)
			require.Equal(t, want == "", object.RegisterRPC.GetProtect(), object.Name)
		}
	}
}

func TestPodsRestartOnlyWhenTheirInputsChange(t *testing.T) {
	checksum := func(args Args) string {
		args.Shards = []int{0}
		return kubetest.Text(run(t, &args).Get(t, "StatefulSet", "postgres-shard-0"),
			`spec.template.metadata.annotations["scalestack/checksum"]`)
	}
	require.Len(t, checksum(Args{}), 64)
	require.Equal(t, checksum(Args{}), checksum(Args{Protect: true, Disruption: DisruptAny}))
	require.NotEqual(t, checksum(Args{}), checksum(Args{MaxConnections: 100}))
	require.NotEqual(t, checksum(Args{}), checksum(Args{Settings: map[string]string{"jit": "on"}}))
}

func TestNewRefusesWrongArgs(t *testing.T) {
	record := kubetest.Run(t, func(ctx *pulumi.Context) error {
		_, err := New(ctx, "Post gres", &Args{Rollout: "Slow"})
		require.ErrorContains(t, err, `name: Invalid value: "Post gres": must be lower-case letters`)
		require.ErrorContains(t, err, "shards: Required value")
		require.ErrorContains(t, err, `rollout: Unsupported value: "Slow"`)
		return nil
	})
	require.Empty(t, record.Names(), "nothing is registered")
}
