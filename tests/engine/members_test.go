package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/postgres"
)

// twoShards runs what the arguments are at each run.
func twoShards(t *testing.T, change func(*postgres.Args)) *rig {
	t.Helper()
	r := newRig(t, func() pulumi.RunFunc {
		return func(ctx *pulumi.Context) error {
			args := &postgres.Args{
				Namespace: pulumi.String("shop"), Shards: []int{0, 1}, MaxConnections: 100, Image: pulumi.String("registry.example.com/postgres:16.2"),
				Storage: postgres.Storage{Size: "1Gi"}, Resources: k8s.Resources{CPURequest: "1", Memory: "1Gi"},
			}
			change(args)
			_, err := postgres.New(ctx, "postgres", args)
			return err
		}
	})
	r.mustRun(update)
	return r
}

// mustRefuse expects a refusal by the preview and by the update.
func (r *rig) mustRefuse(want string) {
	r.t.Helper()
	for _, preview := range []bool{true, false} {
		said, err := r.run(update, preview)
		require.Error(r.t, err)
		require.Contains(r.t, said, want)
	}
}

// A gate refuses what it refuses "while no shard has changed": an image without Patroni, or one that cannot be pulled.
func TestMembersThatAGateRefusedHaveNotBegun(t *testing.T) {
	members := 1
	r := twoShards(t, func(a *postgres.Args) { a.Members = members })
	members, r.unready = 3, "Job"
	said, err := r.run(update, false)
	require.Error(t, err, said)
	for _, shard := range []string{"0", "1"} {
		selector := r.find("Service", "postgres-shard-"+shard+"-service").Inputs["spec"].ObjectValue()["selector"]
		require.True(t, selector.IsObject(), "the Service of shard %s leads nowhere", shard)
	}
	for _, one := range r.done {
		require.NotContains(t, one, "PodDisruptionBudget")
	}

	members, r.unready = 1, ""
	for _, preview := range []bool{true, false} {
		said, err = r.run(update, preview)
		require.NoError(t, err, said)
	}
	require.NotContains(t, strings.Join(r.done, "\n"), "create")
}

// The users of a shard whose turn is still to come have their server.
func TestAShardGetsItsMembersInItsTurn(t *testing.T) {
	members := 1
	r := twoShards(t, func(a *postgres.Args) { a.Members = members })
	members = 3
	r.mustRun(update)
	for _, changed := range []string{"update Service postgres-shard-1-service", "create PodDisruptionBudget postgres-shard-1-budget"} {
		require.Contains(t, r.done, changed)
		require.Less(t, slices.Index(r.done, "update Job postgres-shard-1-gate"), slices.Index(r.done, changed), changed)
	}
	for members = 1; members < 3; members++ {
		r.mustRefuse(fmt.Sprintf("members: Invalid value: %d: must be at least 3", members))
	}
}

// An earlier version told the number on the NetworkPolicy.
func TestMembersOfAnEarlierVersionAreKept(t *testing.T) {
	members := 3
	start := func() *rig {
		members = 3
		r := twoShards(t, func(a *postgres.Args) { a.Members = members })
		annotations := r.find("ConfigMap", "postgres-shard-0-config").Inputs["metadata"].ObjectValue()["annotations"]
		require.Equal(t, "3", annotations.ObjectValue()[resource.PropertyKey(postgres.MembersAnnotation)].StringValue())
		for _, shard := range []string{"0", "1"} {
			delete(r.find("ConfigMap", "postgres-shard-"+shard+"-config").Inputs["metadata"].ObjectValue(), "annotations")
		}
		r.find("NetworkPolicy", "postgres-policy").Inputs["metadata"].ObjectValue()["annotations"] = annotations
		return r
	}
	for _, fewer := range []int{1, 2} {
		r := start()
		members = fewer
		r.mustRefuse("must be at least 3")
	}

	r := start()
	r.unready = "Job"
	delete(r.find("Job", "postgres-shard-0-gate").Inputs, "spec")
	said, err := r.run(update, false)
	require.Error(t, err, said)
	require.Contains(t, r.done, "update NetworkPolicy postgres-policy")
	require.NotContains(t, r.done, "update ConfigMap postgres-shard-0-config")
	r.unready = ""
	for _, fewer := range []int{1, 2} {
		members = fewer
		r.mustRefuse("must be at least 3")
	}
	members = 3
	r.mustRun(update)
	require.Contains(t, r.done, "update ConfigMap postgres-shard-1-config")
	require.NotContains(t, strings.Join(r.done, "\n"), "StatefulSet")
}
