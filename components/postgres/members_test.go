package postgres

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	rbacv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/rbac/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
	"github.com/scalestack/scalestack/components/k8s"
)

const patroniImage = "scalestack/postgres:16.2-patroni-4.1.5-barman-3.19.1"

func threeMembers(a *Args) { a.Members, a.Image = 3, pulumi.String(patroniImage) }

func TestMembersHaveObjectsOfTheirOwn(t *testing.T) {
	args := &Args{Shards: []int{0}}
	threeMembers(args)
	record := run(t, args)
	require.Equal(t, []string{
		"ConfigMap postgres-rollout",
		"ConfigMap postgres-shard-0-config",
		"Job postgres-rollout-#",
		"Job postgres-shard-0-#",
		"Job postgres-shard-0-m1-#",
		"Job postgres-shard-0-m2-#",
		"NetworkPolicy postgres",
		"NetworkPolicy postgres-rollout",
		"PersistentVolumeClaim data-postgres-shard-0-0",
		"PersistentVolumeClaim data-postgres-shard-0-m1-0",
		"PersistentVolumeClaim data-postgres-shard-0-m2-0",
		"PodDisruptionBudget postgres-shard-0",
		"Role postgres-shard-0",
		"RoleBinding postgres-shard-0",
		"Secret postgres-shard-0-admin",
		"Secret postgres-shard-0-app",
		"Secret postgres-shard-0-patroni",
		"Service postgres-shard-0",
		"Service postgres-shard-0-config",
		"Service postgres-shard-0-failover",
		"Service postgres-shard-0-headless",
		"Service postgres-shard-0-replicas",
		"Service postgres-shard-0-sync",
		"ServiceAccount postgres-shard-0",
		"StatefulSet postgres-shard-0",
		"StatefulSet postgres-shard-0-m1",
		"StatefulSet postgres-shard-0-m2",
	}, withoutHashes(record.Names()))
	record.RequireNoPlainSecret(t, kubetest.Password)
}

// The first member takes over a single server's volume and pod name, so everything that
// Kubernetes cannot change must be the same.
func TestMembersJoinAShardThatExists(t *testing.T) {
	one := statefulSet(testPlan(nil), pulumi.String("sum"))
	many := statefulSet(testPlan(threeMembers), pulumi.String("sum"))
	require.Equal(t, one.Metadata.(interface{}), many.Metadata)
	spec := func(set *appsv1.StatefulSetArgs) *appsv1.StatefulSetSpecArgs {
		return set.Spec.(*appsv1.StatefulSetSpecArgs)
	}
	require.Equal(t, spec(one).Selector, spec(many).Selector)
	require.Equal(t, spec(one).ServiceName, spec(many).ServiceName)
	require.Equal(t, volumeClaim(testPlan(nil)), volumeClaim(testPlan(threeMembers)))
	require.Equal(t, "data-postgres-shard-3-m2-0", testPlan(threeMembers).of(2).claim())
	require.True(t, HasClaim("postgres", testPlan(threeMembers).of(2).claim()))
	require.False(t, HasClaim("postgres", "data-0-kafka-brokers-1"))
}

func TestAPrimaryHasNoSelector(t *testing.T) {
	spec := func(change func(*Args)) *corev1.ServiceSpecArgs {
		return clientService(testPlan(change)).Spec.(*corev1.ServiceSpecArgs)
	}
	require.Nil(t, spec(threeMembers).Selector, "Patroni writes the address")
	require.NotNil(t, spec(nil).Selector)
}

func TestMembersChangeOneAfterTheOther(t *testing.T) {
	for _, rollout := range []Rollout{RolloutSerial, RolloutParallel} {
		args := &Args{Shards: []int{0, 1}, Rollout: rollout}
		threeMembers(args)
		record := run(t, args)
		gate := named(t, record, "postgres-shard-0-m2-gate")
		require.Contains(t, needs(named(t, record, "postgres-shard-0-m2")), "postgres-shard-0-m2-gate")
		require.Contains(t, jobEnv(gate, "SHARDS"), "shard-0-m1 postgres-shard-0-m1-0.postgres-shard-0-headless.")
		require.Contains(t, jobEnv(gate, "HELD"), "postgres-shard-0-m2-0.")
		require.NotContains(t, needs(gate), "postgres-shard-0-m1", "a shard comes back when several members do")
		first := jobEnv(named(t, record, "postgres-shard-1-gate"), "SHARDS")
		require.Equal(t, rollout == RolloutSerial, strings.Contains(first, "shard-0-m2 "), "%s: %s", rollout, first)
		require.Equal(t, 6, strings.Count(jobEnv(named(t, record, "postgres-rollout"), "SHARDS"), "\n"))
	}
}

// Before the Service has lost its selector, Kubernetes would make the addresses anew that
// prepare.py removes.
func TestTheServiceComesBeforeTheMembers(t *testing.T) {
	args := &Args{Shards: []int{0}}
	threeMembers(args)
	record := run(t, args)
	for _, set := range []string{"postgres-shard-0", "postgres-shard-0-m1"} {
		require.Subset(t, needs(named(t, record, set)), []string{
			"postgres-shard-0-service", "postgres-shard-0-config", "postgres-shard-0-sync", "postgres-shard-0-failover", "postgres-shard-0-binding", "postgres-shard-0-patroni",
		})
	}
}

// What Patroni knows of a shard is kept as long as one of its volumes is.
func TestPatronisStateGoesWithTheClaims(t *testing.T) {
	args := &Args{Shards: []int{0}}
	threeMembers(args)
	record := run(t, args)
	for _, state := range []string{"config", "sync", "failover"} {
		service := record.Get(t, "Service", "postgres-shard-0-"+state)
		require.True(t, service.RegisterRPC.GetRetainOnDelete())
		owners, _ := kubetest.Value(service, "metadata.ownerReferences")
		require.Len(t, owners.ArrayValue(), 3)
		require.Equal(t, "PersistentVolumeClaim", kubetest.Text(service, "metadata.ownerReferences[2].kind"))
		require.Equal(t, "postgres-shard-0-m2-data-uid", kubetest.Text(service, "metadata.ownerReferences[2].uid"))
	}
}

// filed is a provider that writes objects to files: none gets an identity.
type filed struct{ *kubetest.Recorder }

func (f filed) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	id, _, err := f.Recorder.NewResource(args)
	return id, args.Inputs, err
}

// The API server refuses an owner without an identity.
func TestWhatIsWrittenToFilesHasNoOwner(t *testing.T) {
	args := &Args{Shards: []int{0}}
	threeMembers(args)
	record := &kubetest.Recorder{}
	require.NoError(t, pulumi.RunErr(func(ctx *pulumi.Context) error {
		_, err := New(ctx, "postgres", args)
		return err
	}, pulumi.WithMocks("scalestack", "test", filed{record})))
	owners, _ := kubetest.Value(record.Get(t, "Service", "postgres-shard-0-sync"), "metadata.ownerReferences")
	require.True(t, owners.IsNull(), owners)
}

func TestPatroniConfiguration(t *testing.T) {
	p := testPlan(func(a *Args) {
		threeMembers(a)
		a.MaxConnections, a.Settings = 77, map[string]string{"max_locks_per_transaction": "128", "jit": "on"}
	})
	dcs := dynamicConfig(p.Args)
	require.Equal(t, "quorum", dcs["synchronous_mode"])
	require.Equal(t, []object{{"type": "logical"}}, dcs["ignore_slots"])
	require.NotContains(t, dcs, "slots", "a slot that Patroni makes anew after a failover loses rows")
	require.Equal(t, map[string]string{
		"wal_level": "logical", "max_connections": "77", "max_wal_senders": "32", "max_replication_slots": "32",
		"max_worker_processes": "32", "max_locks_per_transaction": "128",
	}, dcs["postgresql"].(object)["parameters"])
	require.GreaterOrEqual(t, lockSeconds, loopSeconds+2*retrySeconds, "Patroni refuses less")
	require.Equal(t, true, synchronousMode(2), "a quorum needs three")

	var read map[string]any
	require.NoError(t, json.Unmarshal([]byte(memberFiles(p)["patroni.yml"]), &read))
	require.Equal(t, "postgres-shard-3", read["scope"])
	require.NotContains(t, memberFiles(p)["patroni.yml"], "password")
	require.Equal(t, `a"b`, func() string {
		require.NoError(t, json.Unmarshal([]byte(patroniSecrets(&Args{}, login{AdminRole, "a"}, login{replicatorRole, `a"b`}, "c")), &read))
		login := read["postgresql"].(map[string]any)["authentication"].(map[string]any)["replication"]
		return login.(map[string]any)["password"].(string)
	}())
}

// Pods of earlier releases go on with the file that they have mounted, in which nothing changes: their primary does not know the role.
func TestOnlyNewMembersHaveARoleOfTheirOwn(t *testing.T) {
	args := &Args{Shards: []int{0}}
	threeMembers(args)
	record := run(t, args)
	secret := record.Get(t, "Secret", "postgres-shard-0-patroni")
	for file, role := range map[string]string{"patroni.yml": AdminRole, patroniLogins: replicatorRole} {
		var read struct {
			PostgreSQL struct {
				Authentication map[string]struct{ Username string }
			}
		}
		require.NoError(t, json.Unmarshal([]byte(kubetest.Text(secret, `stringData["`+file+`"]`)), &read), file)
		found := read.PostgreSQL.Authentication
		require.Equal(t, []string{AdminRole, role, role}, []string{found["superuser"].Username, found["replication"].Username, found["rewind"].Username}, file)
	}
	volumes, ok := kubetest.Value(record.Get(t, "StatefulSet", "postgres-shard-0"), "spec.template.spec.volumes")
	require.True(t, ok)
	require.Contains(t, volumes.String(), patroniLogins)
	for _, line := range []string{"host    replication  scalestack_replicator  all      scram-sha-256\n", "host    replication  postgres               all      scram-sha-256\n"} {
		require.Contains(t, memberHBA, line, "both kinds of standbys follow a new primary")
	}
}

// A member has the roles of a single server from the same functions.
func TestRolesComeFromTheBootstrap(t *testing.T) {
	functions := bootstrapFunctions()
	require.Less(t, len(functions), len(bootstrapScript))
	require.Contains(t, functions, "\nconverge() {")
	require.NotContains(t, functions, "\nconverge\n", "it runs nothing")
}

// A drain takes one member of a shard at a time, and never two budgets guard one pod.
func TestAShardHasABudgetOfItsOwn(t *testing.T) {
	for disruption, most := range map[Disruption]int{DisruptOne: 1, DisruptNone: 0} {
		args := &Args{Shards: []int{0}, Disruption: disruption}
		threeMembers(args)
		record := run(t, args)
		require.NotContains(t, record.Names(), "PodDisruptionBudget postgres")
		budget := record.Get(t, "PodDisruptionBudget", "postgres-shard-0")
		value, _ := kubetest.Value(budget, "spec.maxUnavailable")
		require.EqualValues(t, most, value.NumberValue())
		require.Equal(t, "postgres-shard-0", kubetest.Text(budget, `spec.selector.matchLabels["app.kubernetes.io/instance"]`))
		for _, set := range []string{"postgres-shard-0", "postgres-shard-0-m1", "postgres-shard-0-m2"} {
			require.Equal(t, "postgres-shard-0",
				kubetest.Text(record.Get(t, "StatefulSet", set), `spec.template.metadata.labels["app.kubernetes.io/instance"]`))
		}
	}
}

// While a shard gets members there are both budgets, and its pod of before and of after.
func TestNoPodHasTwoBudgets(t *testing.T) {
	single, member := testPlan(nil), testPlan(threeMembers)
	common, own := disruptionBudget("postgres", single.Args), shardBudget(member)
	covers := func(budget *policyv1.PodDisruptionBudgetArgs, p plan) bool {
		selector := budget.Spec.(*policyv1.PodDisruptionBudgetSpecArgs).Selector.(*metav1.LabelSelectorArgs)
		read := &metav1.LabelSelectorRequirementArgs{Key: pulumi.String(roleLabel), Operator: pulumi.String("Exists")}
		for key, value := range selector.MatchLabels.(pulumi.StringMap) {
			if p.podLabels()[key] != value {
				return false
			}
		}
		_, labelled := p.podLabels()[roleLabel]
		return labelled == reflect.DeepEqual(selector.MatchExpressions, metav1.LabelSelectorRequirementArray{read})
	}
	require.True(t, covers(common, single))
	require.False(t, covers(common, member))
	require.True(t, covers(own, member))
	require.False(t, covers(own, single))
}

func TestMembersPullTheirImageWithTheSecret(t *testing.T) {
	args := &Args{Shards: []int{0}, PullSecret: "registry"}
	threeMembers(args)
	require.Equal(t, "registry", kubetest.Text(run(t, args).Get(t, "ServiceAccount", "postgres-shard-0"), "imagePullSecrets[0].name"))
}

func TestAMemberMayWriteItsOwnShardsStateOnly(t *testing.T) {
	for _, rule := range role(testPlan(threeMembers)).Rules.(rbacv1.PolicyRuleArray) {
		r := rule.(*rbacv1.PolicyRuleArgs)
		verbs := r.Verbs.(pulumi.StringArray)
		for _, verb := range verbs {
			if verb == pulumi.String("patch") || verb == pulumi.String("update") {
				for _, name := range r.ResourceNames.(pulumi.StringArray) {
					require.Contains(t, string(name.(pulumi.String)), "postgres-shard-3")
				}
			}
			require.NotEqual(t, pulumi.String("*"), verb)
			require.NotEqual(t, pulumi.String("delete"), verb)
		}
	}
}

func TestMembersAreNeverTakenAway(t *testing.T) {
	old := resource.PropertyMap{"metadata": resource.NewProperty(resource.PropertyMap{
		"annotations": resource.NewProperty(resource.PropertyMap{MembersAnnotation: resource.NewProperty("3")}),
	})}
	require.Empty(t, membersChange(old, 3))
	require.Empty(t, membersChange(old, 5))
	require.Empty(t, membersChange(resource.PropertyMap{}, 1), "a shard with one member has no annotation")
	require.ErrorContains(t, membersChange(old, 1).ToAggregate(), "members: Invalid value: 1: must be at least 3")

	for members := 1; members <= maxMembers; members++ {
		p := testPlan(func(a *Args) { a.Members = members })
		files := resource.PropertyMap{}
		for name, text := range mountedFiles(p) {
			files[resource.PropertyKey(name)] = resource.NewProperty(text)
		}
		earlier := resource.PropertyMap{"data": resource.NewProperty(files)}
		require.Empty(t, membersChange(earlier, members))
		if members > 1 {
			require.NotEmpty(t, membersChange(earlier, 1), "%d members of an earlier version", members)
		}
	}
}

func TestMembersAreChecked(t *testing.T) {
	for want, change := range map[string]func(*Args){
		`image: Invalid value: "postgres:16.2": must be an image with Patroni`: func(a *Args) { a.Members = 2 },
		`image: Invalid value: "docker.io/library/postgres@sha256:`: func(a *Args) {
			a.Members, a.Image = 2, pulumi.String("docker.io/library/postgres@sha256:"+strings.Repeat("0", 64))
		},
		`members: Invalid value: 6: must be between 1 and 5`:                                    func(a *Args) { a.Members = 6 },
		`requireSpread: Invalid value: true: must be false with members 1`:                      func(a *Args) { a.RequireSpread = true },
		`resources.memory: Invalid value: "300Mi": must be at least 320Mi with members above 1`: func(a *Args) { threeMembers(a); a.Resources = k8s.Resources{Memory: "300Mi"} },
		`settings.cluster_name: Forbidden: is decided by Patroni`:                               func(a *Args) { threeMembers(a); a.Settings = map[string]string{"cluster_name": "x"} },
	} {
		args := &Args{Shards: []int{0}}
		change(args)
		require.ErrorContains(t, args.Validate(), want)
	}
	args := &Args{Shards: []int{0}}
	threeMembers(args)
	require.NoError(t, args.Validate())
}

func TestMembersOfOneShardMayInsistOnNodesOfTheirOwn(t *testing.T) {
	rule := func(insists bool) *corev1.PodAntiAffinityArgs {
		spec := podSpec(testPlan(func(a *Args) { threeMembers(a); a.RequireSpread = insists }))
		return spec.Affinity.(*corev1.AffinityArgs).PodAntiAffinity.(*corev1.PodAntiAffinityArgs)
	}
	require.Len(t, rule(true).RequiredDuringSchedulingIgnoredDuringExecution, 1)
	require.Nil(t, rule(false).RequiredDuringSchedulingIgnoredDuringExecution)
	require.Len(t, rule(false).PreferredDuringSchedulingIgnoredDuringExecution, 2)
}

// The API server refuses to merge two entries with the same key into a list.
func TestAMembersPodHasNoKeyTwice(t *testing.T) {
	args := &Args{Shards: []int{0}}
	threeMembers(args)
	set := run(t, args).Get(t, "StatefulSet", "postgres-shard-0-m1")
	spec, ok := kubetest.Value(set, "spec.template.spec")
	require.True(t, ok)
	lists := map[string][]string{
		"topologySpreadConstraints": {"topologyKey", "whenUnsatisfiable"}, "volumes": {"name"}, "containers": {"name"},
		"env": {"name"}, "ports": {"containerPort", "protocol"}, "volumeMounts": {"mountPath"}, "imagePullSecrets": {"name"},
	}
	var look func(path string, value resource.PropertyValue)
	look = func(path string, value resource.PropertyValue) {
		for key, child := range value.ObjectValue() {
			at := path + "." + string(key)
			switch {
			case child.IsObject():
				look(at, child)
			case child.IsArray():
				seen := map[string]bool{}
				for _, entry := range child.ArrayValue() {
					if !entry.IsObject() {
						continue
					}
					look(at, entry)
					var identity string
					for _, name := range lists[string(key)] {
						identity += entry.ObjectValue()[resource.PropertyKey(name)].String() + " "
					}
					require.False(t, identity != "" && seen[identity], "%s: %s twice", at, identity)
					seen[identity] = true
				}
			}
		}
	}
	look("spec", spec)
}

// An image without Patroni is refused by the gate, before a shard changes.
func TestAnImageWithoutPatroniIsRefused(t *testing.T) {
	args := testPlan(threeMembers).Args
	require.Equal(t, patroniCheck+rolloutScript+"unpaused\n", rolloutProgram(args))
	require.Equal(t, rolloutScript, rolloutProgram(testPlan(nil).Args), "the Jobs of single servers keep their names")

	programs := t.TempDir()
	check := func(config string) (string, error) {
		cmd := exec.Command("/bin/sh", "-c", patroniCheck+"echo passed")
		cmd.Env = []string{"PATH=" + programs, "CONFIG=" + config}
		output, err := cmd.CombinedOutput()
		return string(output), err
	}
	output, err := check("/etc/rollout/postgresql.conf")
	require.Error(t, err)
	require.Contains(t, output, "the image has no Patroni")
	output, err = check("")
	require.NoError(t, err, "a Job that only waits does not look: %s", output)
	require.NoError(t, os.WriteFile(filepath.Join(programs, "patronictl"), []byte("#!/bin/sh\n"), 0o755))
	output, err = check("/etc/rollout/postgresql.conf")
	require.NoError(t, err)
	require.Equal(t, "passed\n", output)
}

func TestClaimsTellHowManyMembersThereWere(t *testing.T) {
	for want, claims := range map[int][]string{
		0: {"data-kafka-0", "data-postgres-shard-71-m1-0", "data-db-shard-7-m1-0"},
		1: {"data-postgres-shard-7-0"},
		3: {"data-postgres-shard-7-0", "data-postgres-shard-7-m2-0"},
		5: {"data-postgres-shard-7-m4-0"},
	} {
		require.Equal(t, want, MembersOf("postgres", 7, claims))
	}
	field, _ := reflect.TypeFor[Args]().FieldByName("Members")
	require.Equal(t, strconv.Itoa(maxMembers), field.Tag.Get("max"))
}
