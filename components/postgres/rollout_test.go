package postgres

import (
	"fmt"
	"strings"
	"testing"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
	"github.com/scalestack/scalestack/components/k8s"
)

// named finds a resource by its name in the program.
func named(t *testing.T, r *kubetest.Recorder, name string) pulumi.MockResourceArgs {
	t.Helper()
	for _, one := range r.All() {
		if one.Name == name {
			return one
		}
	}
	require.Failf(t, "not registered", name)
	return pulumi.MockResourceArgs{}
}

// needs lists the names of what a resource waits for.
func needs(one pulumi.MockResourceArgs) []string {
	var names []string
	for _, urn := range one.RegisterRPC.GetDependencies() {
		names = append(names, urn[strings.LastIndex(urn, "::")+2:])
	}
	return names
}

func jobEnv(job pulumi.MockResourceArgs, name string) string {
	all, _ := kubetest.Value(job, "spec.template.spec.containers[0].env")
	for _, one := range all.ArrayValue() {
		if one.ObjectValue()["name"].StringValue() == name {
			return one.ObjectValue()["value"].StringValue()
		}
	}
	return ""
}

func TestAChangeWaitsForTheShardBefore(t *testing.T) {
	record := run(t, &Args{Shards: []int{0, 1, 2}})
	for _, changed := range []string{"postgres-shard-1", "postgres-shard-1-config"} {
		require.Contains(t, needs(named(t, record, changed)), "postgres-shard-1-gate")
	}
	gate := named(t, record, "postgres-shard-1-gate")
	require.Subset(t, needs(gate), []string{"postgres-policy", "postgres-rollout-policy", "postgres-rollout-files", "postgres-shard-0-app", "postgres-shard-0-gate"})
	rollout := kubetest.Text(record.Get(t, "ConfigMap", "postgres-shard-0-config"), "data.rollout")
	require.Len(t, rollout, rolloutLength)
	require.Equal(t, "shard-0 postgres-shard-0-0.postgres-shard-0-headless.scalestack.svc.cluster.local. 5432 shard_0_db "+rollout+"\n", jobEnv(gate, "SHARDS"))
	require.Equal(t, "postgres-shard-1-0.postgres-shard-1-headless.scalestack.svc.cluster.local.", jobEnv(gate, "HELD"))
	require.Equal(t, "/etc/rollout/postgresql.conf", jobEnv(gate, "CONFIG"))
	require.Equal(t, "shard-1 postgres-shard-1-0.postgres-shard-1-headless.scalestack.svc.cluster.local. 5432 shard_1_db", jobEnv(gate, "OWN"))
	require.Equal(t, "postgres-shard-0-app", kubetest.Text(gate, "spec.template.spec.volumes[2].secret.secretName"))
	require.Equal(t, "postgres-shard-1-app", kubetest.Text(gate, "spec.template.spec.volumes[3].secret.secretName"))
	require.Contains(t, needs(gate), "postgres-shard-1-app")
}

// A StatefulSet is created only when its pod is ready, so nothing that is in front
// of another StatefulSet may wait for it.
func TestNewShardsStartSideBySide(t *testing.T) {
	record := run(t, &Args{Shards: []int{0, 1, 2}})
	for _, held := range []string{"postgres-shard-1", "postgres-shard-2", "postgres-shard-1-gate", "postgres-shard-2-gate", "postgres-shard-2-config"} {
		for _, set := range []string{"postgres-shard-0", "postgres-shard-1"} {
			require.NotContains(t, needs(named(t, record, held)), set, held)
		}
	}
}

// A gate of a new shard waits for those of the shards that exist, or for the first one's look
// at the configuration, and not for the other new ones.
func TestGatesOfNewShardsOpenSideBySide(t *testing.T) {
	for _, members := range []int{1, 3} {
		args := &Args{Shards: []int{0, 1, 2, 3}, New: []int{2, 3}, Members: members, Image: pulumi.String("example/postgres:16.2-patroni-4.1.5")}
		record := run(t, args)
		last := map[int]string{1: "postgres-shard-%d-gate", 3: "postgres-shard-%d-m2-gate"}[members]
		for _, id := range []int{2, 3} {
			gate := needs(named(t, record, fmt.Sprintf("postgres-shard-%d-gate", id)))
			require.Contains(t, gate, fmt.Sprintf(last, 1))
			require.NotContains(t, gate, fmt.Sprintf(last, 2))
			require.Contains(t, needs(named(t, record, fmt.Sprintf("postgres-shard-%d", id))), fmt.Sprintf("postgres-shard-%d-gate", id))
		}
		require.Contains(t, needs(named(t, record, "postgres-shard-1-gate")), fmt.Sprintf(last, 0))
		args.New = args.Shards
		record = run(t, args)
		for _, id := range []int{1, 2, 3} {
			gate := needs(named(t, record, fmt.Sprintf("postgres-shard-%d-gate", id)))
			require.Contains(t, gate, "postgres-shard-0-gate")
			if id > 1 {
				require.NotContains(t, gate, fmt.Sprintf(last, id-1))
			}
		}
	}
}

func TestTheFirstShardWaitsForItsConfigurationAlone(t *testing.T) {
	record := run(t, &Args{Shards: []int{0, 1}})
	gate := named(t, record, "postgres-shard-0-gate")
	require.Contains(t, needs(named(t, record, "postgres-shard-0")), "postgres-shard-0-gate")
	require.Empty(t, jobEnv(gate, "SHARDS")+jobEnv(gate, "HELD"))
	require.NotEmpty(t, jobEnv(gate, "CONFIG"))
}

func TestTheDeploymentEndsWhenAllShardsRunWhatWasDeployed(t *testing.T) {
	for _, rollout := range []Rollout{RolloutSerial, RolloutParallel} {
		record := run(t, &Args{Shards: []int{0, 1}, Rollout: rollout})
		job := named(t, record, "postgres-rollout")
		require.Subset(t, needs(job), []string{"postgres-shard-0", "postgres-shard-1"}, rollout)
		require.Equal(t, 2, strings.Count(jobEnv(job, "SHARDS"), "\n"))
		require.Empty(t, jobEnv(job, "HELD")+jobEnv(job, "CONFIG"))
		require.Equal(t, rollout == RolloutSerial, strings.Contains(strings.Join(record.Names(), " "), "Job postgres-shard-1"))
	}
}

func TestWhatUsesAShardComesAfterTheRollout(t *testing.T) {
	record := kubetest.Run(t, func(ctx *pulumi.Context) error {
		made, err := New(ctx, "postgres", &Args{Shards: []int{0}})
		if err != nil {
			return err
		}
		_, err = corev1.NewConfigMap(ctx, "user", &corev1.ConfigMapArgs{Data: pulumi.StringMap{"host": made.Shards[0].Host}})
		return err
	})
	require.Contains(t, needs(named(t, record, "user")), "postgres-rolled-out")
	require.Contains(t, needs(named(t, record, "postgres-rolled-out")), "postgres-rollout")
}

// Pulumi deletes the Jobs that depend on a Job by a value when it is replaced. It
// leaves alone what only comes after it.
func TestNothingDependsOnARolloutJobByAValue(t *testing.T) {
	for _, one := range run(t, &Args{Shards: []int{0, 1}}).All() {
		for property, dependencies := range one.RegisterRPC.GetPropertyDependencies() {
			for _, urn := range dependencies.GetUrns() {
				require.NotContains(t, urn, ":Job::", "%s.%s", one.Name, property)
			}
		}
	}
}

// A Job that is found unchanged does not run again.
func TestEachChangeOfAPodIsANewRollout(t *testing.T) {
	names := func(change func(*Args)) (rollout, gate, verdict string) {
		args := &Args{Shards: []int{0, 1}}
		change(args)
		record := run(t, args)
		object := func(name string) string { return kubetest.Text(named(t, record, name), "metadata.name") }
		return kubetest.Text(named(t, record, "postgres-shard-0-config"), "data.rollout"),
			object("postgres-shard-1-gate"), object("postgres-rollout")
	}
	rollout, gate, verdict := names(func(*Args) {})
	for name, change := range map[string]func(*Args){
		"image": func(a *Args) { a.Image = pulumi.String("postgres:16.3") },
		"images": func(a *Args) {
			a.Images = map[int]pulumi.StringInput{0: pulumi.String("postgres:16.3"), 1: pulumi.String("postgres:16.3")}
		},
		"setting": func(a *Args) { a.Settings = map[string]string{"jit": "on"} },
		"memory":  func(a *Args) { a.Resources = k8s.Resources{Memory: "2Gi"} },
		"cpu":     func(a *Args) { a.Resources = k8s.Resources{CPURequest: "750m"} },
		"node":    func(a *Args) { a.NodeSelector = pulumi.StringMap{"pool": pulumi.String("db")} },
	} {
		otherRollout, otherGate, otherVerdict := names(change)
		require.NotEqual(t, rollout, otherRollout, name)
		require.NotEqual(t, gate, otherGate, name)
		require.NotEqual(t, verdict, otherVerdict, name)
	}
	for name, change := range map[string]func(*Args){
		"protect":           func(a *Args) { a.Protect = true },
		"the same quantity": func(a *Args) { a.Resources = k8s.Resources{CPURequest: "0.5", Memory: "1024Mi"} },
		"patience":          func(a *Args) { a.RolloutTimeoutSeconds = 900 },
	} {
		otherRollout, otherGate, otherVerdict := names(change)
		require.Equal(t, []string{rollout, gate, verdict}, []string{otherRollout, otherGate, otherVerdict}, name)
	}
}

func TestAFieldThatANewerSDKKnowsIsNoRollout(t *testing.T) {
	require.Equal(t, map[string]any{"Spec": map[string]any{"Replicas": 0.0}},
		withoutEmpty(map[string]any{"Metadata": map[string]any{"Labels": nil}, "Spec": map[string]any{"Replicas": 0.0, "List": []any{}}}))
}

// The disruption budget fails altogether when it finds pods of a Job.
func TestRolloutJobsAreNotTakenForShards(t *testing.T) {
	record := run(t, &Args{Shards: []int{0, 1}})
	labels, _ := kubetest.Value(named(t, record, "postgres-shard-1-gate"), "spec.template.metadata.labels")
	budget, _ := kubetest.Value(record.Get(t, "PodDisruptionBudget", "postgres"), "spec.selector.matchLabels")
	require.False(t, selects(budget.ObjectValue(), labels.ObjectValue()))
	policy, _ := kubetest.Value(record.Get(t, "NetworkPolicy", "postgres-rollout"), "spec.podSelector.matchLabels")
	require.True(t, selects(policy.ObjectValue(), labels.ObjectValue()))
	allowed, _ := kubetest.Value(record.Get(t, "NetworkPolicy", "postgres"), "spec.ingress[0].from[1].podSelector.matchLabels")
	require.True(t, selects(allowed.ObjectValue(), labels.ObjectValue()), "the shards let them in")
}

func selects(selector, labels resource.PropertyMap) bool {
	for key, value := range selector {
		if !labels[key].DeepEquals(value) {
			return false
		}
	}
	return true
}

func TestAFailedRolloutJobIsReplaced(t *testing.T) {
	gate := named(t, run(t, &Args{Shards: []int{0, 1}}), "postgres-shard-1-gate")
	require.Equal(t, "true", kubetest.Text(gate, `metadata.annotations["pulumi.com/replaceUnready"]`))
	require.Equal(t, "960", kubetest.Text(gate, `metadata.annotations["pulumi.com/timeoutSeconds"]`))
	require.True(t, gate.RegisterRPC.GetDeleteBeforeReplace())
}
