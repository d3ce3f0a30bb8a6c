package kafka

import (
	"errors"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
	"github.com/scalestack/scalestack/internal/settings"
)

// changed returns what the engine hands to a hook: an object of each program.
func changed(t *testing.T, before, after *Args, kind, name string) change {
	t.Helper()
	return change{old: run(t, before).Get(t, kind, name).Inputs, next: run(t, after).Get(t, kind, name).Inputs}
}

// requireRefused changes the full arguments in one way each, and holds one object
// against what it was. "" is a change that is allowed.
func requireRefused(t *testing.T, check func(*Args, change) field.ErrorList, kind, name string, cases map[string]func(*Args)) {
	t.Helper()
	for want, edit := range cases {
		t.Run(want, func(t *testing.T) {
			before, after := production(), production()
			before.Pools, after.Pools = before.withDefaults().Pools, after.withDefaults().Pools
			edit(after)
			require.NoError(t, after.Validate(), "only the state tells what is wrong")
			err := settings.Err(check(after.withDefaults(), changed(t, before, after, kind, name)))
			if want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, want)
		})
	}
}

func TestVersionsMoveInOrder(t *testing.T) {
	requireRefused(t, clusterChange, "Kafka", "kafka", map[string]func(*Args){
		"": func(a *Args) { a.Version = "3.8.0" },
		`metadataVersion: Invalid value: "3.7-IV2": must not go back from 3.7-IV4`: func(a *Args) { a.MetadataVersion = "3.7-IV2" },
		`metadataVersion: Invalid value: "3.8-IV0": must stay 3.7-IV4 while version moves from 3.7.1 to 3.8.0: raise it in the next update`: func(a *Args) {
			a.Version, a.MetadataVersion = "3.8.0", "3.8-IV0"
		},
		`operator.version: Invalid value: "0.45.0": does not know Kafka 3.7.1, which still runs: move version to one that both operators run first`: func(a *Args) {
			a.Operator.Version, a.Version = "0.45.0", "3.9.0"
		},
	})
}

// A pool of another name leaves its brokers behind, and a second set of controllers.
func TestNothingLeavesWithItsData(t *testing.T) {
	const way = "must not leave with its data: put it back, name it in removed."
	const then = ", deploy, and only then take it out"
	requireRefused(t, clusterChange, "Kafka", "kafka", map[string]func(*Args){
		"": func(a *Args) {
			a.Pools = append(a.Pools, Pool{Name: "more", Roles: []Role{Broker}, Replicas: 1})
			a.Topics = append(a.Topics, Topic{Name: "more"})
		},
		`pools[brokers]: Forbidden: ` + way + "pools" + then:                             func(a *Args) { a.Pools[1].Name = "nodes" },
		`topics[profiles]: Forbidden: ` + way + "topics" + then:                          func(a *Args) { a.Topics[3].Name = "people" },
		`pools: Invalid value: "1": must keep 3 controllers: their number cannot change`: func(a *Args) { a.Pools[0].Replicas = 1 },
	})
}

func TestWhatWasReleasedMayLeave(t *testing.T) {
	before, after := production(), production()
	before.Removed = Removed{Topics: []string{"profiles"}, Pools: []string{"extra"}}
	before.Pools = append(before.withDefaults().Pools, pool(1, Broker)...)
	after.Topics = after.Topics[:3]
	after.Pools = after.withDefaults().Pools
	require.Empty(t, clusterChange(after.withDefaults(), changed(t, before, after, "Kafka", "kafka")))
	after.Removed = Removed{Topics: []string{"user_events"}}
	after.Topics, after.Users = after.Topics[2:], nil
	require.Len(t, clusterChange(after.withDefaults(), changed(t, production(), after, "Kafka", "kafka")), 3,
		"to name it and to take it out is not one step: it would stay in the cluster")
}

// Three other controllers know nothing of the topics. Their number is the same.
func TestControllersAreNeverReplaced(t *testing.T) {
	before, after := production(), production()
	before.Removed.Pools = []string{"controllers"}
	before.Pools, after.Pools = before.withDefaults().Pools, after.withDefaults().Pools
	after.Pools[0].Name = "voters"
	require.NoError(t, after.Validate())
	change := changed(t, before, after, "Kafka", "kafka")
	require.ErrorContains(t, settings.Err(clusterChange(after.withDefaults(), change)), "pools[controllers]: Forbidden: must not leave with its data")
	after.Removed.Pools = []string{"controllers"}
	require.ErrorContains(t, settings.Err(clusterChange(after.withDefaults(), change)), "pools[controllers]: Forbidden: must not leave: put it back, "+
		"since no deployment has named it in removed.pools yet, or it has controllers, which never leave")
	require.True(t, run(t, before).Get(t, "KafkaNodePool", "controllers").RegisterRPC.GetRetainOnDelete())
}

// The state may name what no deployment has come to make.
func TestOnlyWhatWasMadeIsKept(t *testing.T) {
	before, after := production(), production()
	before.Topics = append(before.Topics, Topic{Name: "mistaken_one"})
	after.Topics = after.Topics[:3]
	there, err := map[string][]string{"kafkatopics": {"profiles", "mistaken"}}, error(nil)
	after.Names = func(apiVersion, resource string) ([]string, error) {
		require.Equal(t, "kafka.strimzi.io/v1beta2", apiVersion)
		return there[resource], err
	}
	refused := func() string {
		return settings.Err(clusterChange(after.withDefaults(), changed(t, before, after, "Kafka", "kafka"))).Error()
	}
	require.Contains(t, refused(), "topics[profiles]: Forbidden")
	require.NotContains(t, refused(), "mistaken")
	there["kafkatopics"] = []string{"profiles", "mistaken-one"}
	require.Contains(t, refused(), "topics[mistaken_one]: Forbidden")
	there, err = nil, errors.New("403")
	require.Contains(t, refused(), "topics[mistaken_one]: Forbidden", "who cannot tell must not lose anything")

	pools := production().withDefaults()
	require.Empty(t, leavingPools(pools, []string{"brokers"}))
	require.Len(t, leavingPools(pools, []string{"mistaken"}), 1)
	pools.Names = func(string, string) ([]string, error) { return []string{"controllers", "brokers"}, nil }
	require.Empty(t, leavingPools(pools, []string{"mistaken"}))
}

// A state of an older program has no annotations; Strimzi's status has the pools.
func TestPoolsOfAnOlderStateAreKnownFromTheStatus(t *testing.T) {
	inputs := resource.NewPropertyMapFromMap(map[string]any{"spec": map[string]any{"kafka": map[string]any{"version": "3.7.1", "metadataVersion": "3.7-IV4"}}})
	outputs := resource.NewPropertyMapFromMap(map[string]any{"status": map[string]any{"kafkaNodePools": []any{map[string]any{"name": "dual"}}}})
	a := production().withDefaults()
	errs := clusterChange(a, change{old: withOutputs(inputs, outputs), next: run(t, a).Get(t, "Kafka", "kafka").Inputs})
	require.ErrorContains(t, settings.Err(errs), "pools[dual]: Forbidden: must not leave with its data")
	require.NotContains(t, inputs, resource.PropertyKey("status"))
}

func TestPoolChangesThatStrimziIgnoresAreRefused(t *testing.T) {
	requireRefused(t, poolChange, "KafkaNodePool", "brokers", map[string]func(*Args){
		"": func(a *Args) {
			a.Pools[1].Storage.Size, a.Pools[1].Replicas, a.Pools[1].Resources.Memory = "200Gi", 4, "4Gi"
		},
		`pools[brokers].storage.size: Invalid value: "50Gi": must be at least 100Gi: a volume cannot shrink`: func(a *Args) { a.Pools[1].Storage.Size = "50Gi" },
		`pools[brokers].storage.ephemeral: Forbidden: cannot change: make a new pool`:                        func(a *Args) { a.Pools[1].Storage.Ephemeral = true },
		`pools[brokers].storage.class: Invalid value: "fast": must stay "": make a new pool`:                 func(a *Args) { a.Pools[1].Storage.Class = pulumi.String("fast") },
		`pools[brokers].replicas: Invalid value: 2: must be at least 3: Strimzi puts brokers with partitions back; move their partitions, name the pool in removed.pools and deploy`: func(a *Args) {
			a.Pools[1].Replicas, a.Topics, a.Users = 2, nil, nil
		},
	})
	requireRefused(t, poolChange, "KafkaNodePool", "brokers", map[string]func(*Args){"": func(a *Args) {
		a.Pools[1].Replicas, a.Topics, a.Users, a.Removed.Pools = 2, nil, nil, []string{"brokers"}
	}})
	requireRefused(t, poolChange, "KafkaNodePool", "controllers", map[string]func(*Args){
		"": func(a *Args) { a.Pools[0].Roles = []Role{Controller, Broker} },
		`pools[controllers].replicas: Invalid value: 5: must stay 3: the number of controllers cannot change`: func(a *Args) { a.Pools[0].Replicas = 5 },
		`pools[controllers].roles: Invalid value: "broker": must stay controller: make a new pool`: func(a *Args) {
			a.Pools[0].Roles = []Role{Broker}
			a.Pools = append(a.Pools, Pool{Name: "voters", Roles: []Role{Controller}, Replicas: 3})
		},
	})
}

func TestTopicChangesThatStrimziRefusesAreRefused(t *testing.T) {
	requireRefused(t, topicChange, "KafkaTopic", "user-events", map[string]func(*Args){
		"": func(a *Args) { a.Topics[0].Partitions, a.Topics[0].Replicas, a.Topics[0].MinInSync = 24, 2, 1 },
		`topics[user_events].partitions: Invalid value: 6: must be at least 12: partitions cannot be taken away`: func(a *Args) {
			a.Topics[0].Partitions, a.Users = 6, nil
		},
		`topics[user_events].replicas: Invalid value: 2: must stay 3 without cruiseControl, which makes and moves replicas`: func(a *Args) {
			a.Topics[0].Replicas, a.Topics[0].MinInSync, a.CruiseControl = 2, 1, nil
		},
		`topics[user.events]: Forbidden: would take the object of topic user_events: choose a name that is less like it`: func(a *Args) {
			a.Topics[0].Name, a.Users = "user.events", nil
		},
	})
}

// The engine runs the hooks in previews too; what they return stops the deployment.
func TestEveryHolderOfDataHasItsGuard(t *testing.T) {
	r := run(t, production())
	for _, one := range holders {
		require.Len(t, r.Get(t, one[0], one[1]).RegisterRPC.GetHooks().GetBeforeUpdate(), 1, one)
		require.Empty(t, r.Get(t, one[0], one[1]).RegisterRPC.GetHooks().GetBeforeDelete(), "a destroy runs no program")
	}
}

func TestAGuardReportsAsOneError(t *testing.T) {
	before, after := production(), production()
	after.Topics[0].Partitions, after.Users = 6, nil
	seen := changed(t, before, after, "KafkaTopic", "user-events")
	kubetest.Run(t, func(ctx *pulumi.Context) error {
		r := &registrar{ctx: ctx, name: "kafka", args: after.withDefaults()}
		hook, err := r.hook("topic", topicChange)
		require.NoError(t, err)
		require.ErrorContains(t, hook.Callback(&pulumi.ResourceHookArgs{OldInputs: seen.old, NewInputs: seen.next}), "partitions cannot be taken away")
		require.NoError(t, hook.Callback(&pulumi.ResourceHookArgs{OldInputs: seen.old, NewInputs: seen.old}))
		return nil
	})
}

// A state from before the component had inputs has the lists as outputs.
func TestTheComponentKnowsWhatThereWas(t *testing.T) {
	a := production().withDefaults()
	lists := func(pools ...string) resource.PropertyMap {
		return resource.NewPropertyMapFromMap(map[string]any{"pools": pools, "topics": []string{"user_events"}})
	}
	next := resource.PropertyMap{"controllers": resource.NewNumberProperty(3)}
	require.Empty(t, keptChange(a, change{old: withOutputs(nil, lists("brokers")), next: next}))
	errs := keptChange(a, change{old: withOutputs(nil, lists("brokers", "gone")), next: next})
	require.Len(t, errs, 1)
	require.Contains(t, errs[0].Error(), "pools[gone]: Forbidden: must not leave with its data")
	old := withOutputs(resource.PropertyMap{"controllers": resource.NewNumberProperty(5)}, lists("brokers", "gone"))
	require.Len(t, keptChange(a, change{old: old, next: next}), 2)
	inputs := resource.NewPropertyMapFromMap(map[string]any{"pools": []string{"brokers"}})
	require.Empty(t, keptChange(a, change{old: withOutputs(inputs, lists("gone")), next: next}), "inputs are newer than outputs")
}
