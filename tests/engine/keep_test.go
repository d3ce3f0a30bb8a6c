package engine

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/namespace"
	"github.com/scalestack/scalestack/components/postgres"
)

// product is a namespace with a file in it, and shards.
type product struct {
	file    string
	shards  []int
	protect bool
	class   pulumi.StringInput
	access  string
}

func (p *product) program(ctx *pulumi.Context) error {
	ns, err := namespace.New(ctx, "base", &namespace.Args{Name: "shop"})
	if err != nil {
		return err
	}
	if _, err := ns.AddFile(ctx, "base", "shard-map", "map.json", p.file); err != nil {
		return err
	}
	if len(p.shards) == 0 {
		return nil
	}
	_, err = postgres.New(ctx, "postgres", &postgres.Args{
		Namespace: pulumi.String("shop"), Shards: p.shards, MaxConnections: 100, Protect: p.protect,
		Storage: postgres.Storage{Size: "1Gi", Class: p.class, AccessMode: p.access}, Resources: k8s.Resources{CPURequest: "1", Memory: "1Gi"},
	})
	return err
}

func running(t *testing.T, p *product) *rig {
	t.Helper()
	r := newRig(t, func() pulumi.RunFunc { return p.program })
	r.mustRun(update)
	return r
}

// A destroy runs no program, so what keeps the data has to be in the state.
func TestADestroyWithoutTheProgramKeepsNamespaceVolumesAndFiles(t *testing.T) {
	r := running(t, &product{file: "[1]", shards: []int{0, 1}})
	r.mustRun(destroy)
	require.Contains(t, r.done, "delete StatefulSet postgres-shard-0")
	for _, one := range r.done {
		for _, kind := range []string{"Namespace", "PersistentVolumeClaim", "ConfigMap base-shard-map"} {
			require.False(t, strings.HasPrefix(one, "delete "+kind), one)
		}
	}
}

func TestADestroyWithoutTheProgramIsRefusedWhereShardsAreProtected(t *testing.T) {
	r := running(t, &product{file: "[1]", shards: []int{0, 1}, protect: true})
	said, err := r.run(destroy, false)
	require.Error(t, err)
	require.Contains(t, said, "because it is protected")
	require.NotNil(t, r.find("PersistentVolumeClaim", "postgres-shard-0-data"))
	require.NotContains(t, strings.Join(r.done, "\n"), "delete StatefulSet")
}

// A file that a machine has written is no use to who reads a diff.
func TestADiffNamesAFileAndDoesNotShowIt(t *testing.T) {
	content := func(owner string) string { return "[" + strings.Repeat("0,", 959) + owner + "]" }
	p := &product{file: content("0")}
	r := running(t, p)
	p.file = content("1")
	shown := r.diff()
	require.Contains(t, shown, namespace.FileName("shard-map", content("1")))
	require.Contains(t, shown, "data (hidden)")
	require.Less(t, strings.Count(shown, "\n"), 40, shown)
}

// What is fixed when a claim is made must not be changed in silence, and not by a new claim either.
func TestASettingThatAVolumeCannotTakeIsNamed(t *testing.T) {
	p := &product{file: "[1]", shards: []int{0}, class: pulumi.String("slow")}
	r := running(t, p)
	p.class, p.access, p.shards = pulumi.String("fast"), "ReadWriteOncePod", []int{0, 1}
	for times, preview := range []bool{true, false} {
		require.Equal(t, times, strings.Count(r.logged.String(), "no effect"))
		said, err := r.run(update, preview)
		require.NoError(t, err, said)
	}
	require.Equal(t, 2, strings.Count(r.logged.String(), `no effect on data-postgres-shard-0-0, only on volumes that are made from now on: `+
		`postgres.storage.class: "fast", it has "slow"; postgres.storage.accessMode: "ReadWriteOncePod", it has "ReadWriteOnce"`), r.logged.String())
	require.NotContains(t, strings.Join(r.done, "\n"), "delete")
	require.Equal(t, "fast", r.find("PersistentVolumeClaim", "postgres-shard-1-data").Inputs["spec"].ObjectValue()["storageClassName"].StringValue())
}

// With this flag the engine goes on after a Job that fails, and what keeps it from deleting is that the program fails too.
func TestAShardIsKeptWhileAJobFails(t *testing.T) {
	p := &product{file: "[1]", shards: []int{0, 1}}
	r := running(t, p)
	p.shards, r.unready, r.options.ContinueOnError = []int{0}, "Job", true
	for range 3 {
		said, err := r.run(update, false)
		require.Error(t, err, said)
		require.Contains(t, strings.Join(r.done, "\n"), "Job postgres-rollout")
		require.NotContains(t, strings.Join(r.done, "\n"), "delete")
	}
}

// A refresh with the program takes options from the configuration that comes, of what is in
// it: what has left keeps its protection.
func TestARefreshTakesProtectionFromTheConfiguration(t *testing.T) {
	p := &product{file: "[1]", shards: []int{0, 1}, protect: true}
	r := running(t, p)
	require.True(t, r.find("PersistentVolumeClaim", "shard-0-data").Protect)

	p.shards, p.protect = []int{0}, false
	r.mustRun(refresh)
	require.False(t, r.find("PersistentVolumeClaim", "shard-0-data").Protect)
	require.True(t, r.find("PersistentVolumeClaim", "shard-1-data").Protect)
	_, err := r.run(update, false)
	require.Error(t, err, "shard 1 is protected")
}
