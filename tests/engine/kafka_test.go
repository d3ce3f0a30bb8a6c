package engine

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/kafka"
)

// cluster runs versions in the middle of the upgrade path, where both API versions are
// served.
func cluster() *kafka.Args {
	return &kafka.Args{
		Namespace: pulumi.String("shop").ToStringOutput(),
		Operator:  kafka.Operator{Mode: kafka.Install, Version: "0.49.1"},
		Version:   "4.1.1", MetadataVersion: "4.0-IV3",
		Pools: []kafka.Pool{
			{Name: "controllers", Roles: []kafka.Role{kafka.Controller}, Replicas: 3},
			{Name: "brokers", Roles: []kafka.Role{kafka.Broker}, Replicas: 3},
		},
		Topics: []kafka.Topic{{Name: "user_events"}, {Name: "orders"}},
		Users:  []kafka.User{{Name: "relay", Produce: []string{"user_events"}}},
	}
}

// program is a stack that does not run yet.
func program(t *testing.T, args *kafka.Args) *rig {
	r := newRig(t, func() pulumi.RunFunc {
		return func(ctx *pulumi.Context) error {
			_, err := kafka.New(ctx, "kafka", args)
			return err
		}
	})
	args.Names = r.names
	return r
}

// names are those of the objects that the provider has, by the plural of their kind.
func (r *rig) names(_, resource string) (names []string, err error) {
	for key, object := range r.objects {
		if kind, _, _ := strings.Cut(key, " "); strings.ToLower(kind)+"s" == resource {
			names = append(names, object["metadata"].ObjectValue()["name"].StringValue())
		}
	}
	return names, nil
}

// deployed returns a stack that runs, and the arguments of its next deployment.
func deployed(t *testing.T, edits ...func(*kafka.Args)) (*rig, *kafka.Args) {
	t.Helper()
	args := cluster()
	for _, edit := range edits {
		edit(args)
	}
	r := program(t, args)
	r.mustRun(update)
	return r, args
}

// requireNothingLost fails for a deletion of what holds data, or of what other stacks use.
func (r *rig) requireNothingLost() {
	r.t.Helper()
	for _, one := range r.done {
		for _, kind := range []string{"CustomResourceDefinition", "ClusterRole", "Kafka", "KafkaNodePool", "KafkaTopic"} {
			require.False(r.t, strings.HasPrefix(one, "delete "+kind+" "), one)
		}
	}
}

func TestASecondDeploymentChangesNothing(t *testing.T) {
	r, _ := deployed(t)
	r.mustRun(update)
	require.Empty(t, r.done)
}

func TestTheChartsClusterWideObjectsHaveOneOwnerAndStay(t *testing.T) {
	r, args := deployed(t)
	for _, one := range [][2]string{{"CustomResourceDefinition", "kafkas"}, {"ClusterRole", "strimzi"}} {
		object := r.find(one[0], one[1])
		require.True(t, object.RetainOnDelete, one)
		annotations := object.Inputs["metadata"].ObjectValue()["annotations"].ObjectValue()
		require.Equal(t, "shop", annotations["scalestack/installed-by"].StringValue())
		require.Equal(t, "scalestack-shop", annotations["pulumi.com/patchFieldManager"].StringValue())
		require.True(t, object.Inputs["spec"].ObjectValue()["status"].IsObject(), "an empty object stays")
	}
	require.False(t, r.find("Deployment", "operator").RetainOnDelete)
	args.Operator.Mode = kafka.Present
	r.mustRun(update)
	require.Contains(t, r.done, "delete Deployment kafka-operator-operator")
	r.requireNothingLost()
}

// A preview forces what it tries, so that the API server's own refusal comes only with the
// deployment.
func TestASecondInstallationIsRefusedInPreview(t *testing.T) {
	args := cluster()
	r := program(t, args)
	r.before = []string{"scalestack-shop"} // the first stack of this namespace, which was destroyed
	_, err := r.run(update, true)
	require.NoError(t, err)
	for _, owner := range []string{"scalestack-books", "helm"} {
		r.before = []string{owner}
		said, err := r.run(update, true)
		require.Error(t, err)
		require.Equal(t, 1, strings.Count(said, "operator.mode: Forbidden"), said)
		require.Contains(t, said, `is in this cluster already, applied by "`+owner+`"`)
		require.Contains(t, said, "set mode present here")
		require.Empty(t, r.done)
	}
	t.Setenv("PULUMI_K8S_ENABLE_PATCH_FORCE", "true")
	r.mustRun(update)
	t.Setenv("PULUMI_K8S_ENABLE_PATCH_FORCE", "")
	r.mustRun(update)
	require.Empty(t, r.done, "an owner is not asked again")
	args.Operator.Mode = kafka.Present
	r.mustRun(update)
	r.requireNothingLost()
}

func TestAnotherAPIVersionUpdatesEachObject(t *testing.T) {
	r, args := deployed(t)
	for _, version := range []string{"kafka.strimzi.io/v1", "kafka.strimzi.io/v1beta2"} {
		args.APIVersion = version
		r.mustRun(update)
		require.Len(t, r.done, 6)
		for _, one := range r.done {
			require.True(t, strings.HasPrefix(one, "update "), one)
		}
	}
}

func TestADestroyLeavesWhatHoldsData(t *testing.T) {
	r, _ := deployed(t)
	r.mustRun(destroy)
	require.Contains(t, r.done, "delete KafkaUser kafka-user-relay")
	r.requireNothingLost()
}

func TestAProtectedClusterIsNotDestroyed(t *testing.T) {
	r, _ := deployed(t, func(a *kafka.Args) { a.Protect = true })
	said, err := r.run(destroy, false)
	require.Error(t, err)
	require.Contains(t, said, "because it is protected")
	require.NotNil(t, r.find("Kafka", "kafka-cluster"))
}

func TestLosingChangesAreRefusedInPreviewAndUpdate(t *testing.T) {
	for want, edit := range map[string]func(*kafka.Args){
		"pools[brokers].storage.size: Invalid value":              func(a *kafka.Args) { a.Pools[1].Storage.Size = "50Gi" },
		"pools[brokers]: Forbidden: must not leave with its data": func(a *kafka.Args) { a.Pools[1].Name = "nodes" },
		"pools: Invalid value: 5: must keep 3 controllers": func(a *kafka.Args) {
			a.Pools = append(a.Pools, kafka.Pool{Name: "more", Roles: []kafka.Role{kafka.Controller}, Replicas: 2})
		},
		"namespace: Invalid value: \"other\": must stay shop":           func(a *kafka.Args) { a.Namespace = pulumi.String("other") },
		"topics[orders]: Forbidden: must not leave with its data":       func(a *kafka.Args) { a.Topics = a.Topics[:1] },
		"topics[user_events].partitions: Invalid value":                 func(a *kafka.Args) { a.Topics[0].Partitions = 6 },
		"topics[orders].retentionHours: Invalid value: 1: must be at":   func(a *kafka.Args) { a.Topics[1].RetentionHours = 1 },
		"metadataVersion: Invalid value: \"3.9-IV0\": must not go back": func(a *kafka.Args) { a.MetadataVersion = "3.9-IV0" },
	} {
		t.Run(want, func(t *testing.T) {
			r, args := deployed(t)
			edit(args)
			for _, preview := range []bool{true, false} {
				said, err := r.run(update, preview)
				require.Error(t, err)
				require.Contains(t, said, want)
				require.Equal(t, 1, strings.Count(said, want), said)
				r.requireNothingLost()
				require.NotContains(t, strings.Join(r.done, "\n"), "create ", "nothing comes before a refusal")
			}
		})
	}
}

func TestATopicGoesInTwoSteps(t *testing.T) {
	r, args := deployed(t, func(a *kafka.Args) { a.Protect = true })
	args.Removed.Topics = []string{"orders"}
	r.mustRun(update)
	r.requireNothingLost()
	args.Topics = args.Topics[:1]
	r.mustRun(update)
	require.Contains(t, r.done, "delete KafkaTopic kafka-topic-orders")
}

func TestARetentionShrinksInTwoSteps(t *testing.T) {
	r, args := deployed(t)
	args.Removed.Messages = []string{"orders"}
	r.mustRun(update)
	require.Contains(t, r.done, "update KafkaTopic kafka-topic-orders")
	require.NotContains(t, r.done, "update KafkaTopic kafka-topic-user-events")
	args.Removed.Messages, args.Topics[1].RetentionHours = nil, 1
	r.mustRun(update)
	args.Topics[1].Compact = true
	_, err := r.run(update, true)
	require.Error(t, err, "the release was for one change")
}

// The hook that names the reason's place neither tries again nor loses the object. The rig
// has no log in which its words could be read.
func TestAWaitInVainEndsOnce(t *testing.T) {
	r := program(t, cluster())
	r.unready = "Kafka"
	said, err := r.run(update, false)
	require.Error(t, err)
	require.Contains(t, said, "timed out waiting for the condition")
	require.Equal(t, 1, strings.Count(strings.Join(r.done, "\n"), "create Kafka kafka-cluster"))
	require.NotNil(t, r.find("Kafka", "kafka-cluster"))
	r.unready = ""
	r.mustRun(update)
	require.Contains(t, strings.Join(r.done, "\n"), "update Kafka kafka-cluster", "the next deployment waits again")
}

// with is args' topics and another one.
func with(args *kafka.Args, topic string) []kafka.Topic {
	return append(slices.Clone(args.Topics), kafka.Topic{Name: topic})
}

// A deployment that failed before a new topic or pool existed is taken back.
func TestWhatWasNeverMadeMayLeave(t *testing.T) {
	r, args := deployed(t)
	before := *args
	args.Topics = with(args, "mistaken")
	r.unready = "Kafka"
	_, err := r.run(update, false)
	require.Error(t, err)
	require.NotContains(t, r.done, "create KafkaTopic kafka-topic-mistaken")

	*args, r.unready = before, ""
	r.mustRun(update)
	r.requireNothingLost()
}
