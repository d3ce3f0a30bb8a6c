package postgres

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
	"github.com/scalestack/scalestack/components/k8s"
)

func testPlan(change func(*Args)) plan {
	args := &Args{Shards: []int{3}}
	if change != nil {
		change(args)
	}
	return plan{Args: args.withDefaults(), component: "postgres", id: 3}
}

// Whatever a user sets, these must stay: a change deletes the StatefulSet.
func TestStatefulSetsFixedFieldsDependOnTheNameAlone(t *testing.T) {
	for name, change := range map[string]func(*Args){
		"defaults": nil,
		"storage":  func(a *Args) { a.Storage = Storage{Size: "99Gi", Class: pulumi.String("fast")} },
		"image":    func(a *Args) { a.Image = pulumi.String("postgres:16.9") },
		"grace":    func(a *Args) { a.TerminationGraceSeconds = 60 },
	} {
		t.Run(name, func(t *testing.T) {
			set := statefulSet(testPlan(change), pulumi.String("sum")).Spec.(*appsv1.StatefulSetSpecArgs)
			require.Equal(t, pulumi.String("postgres-shard-3-headless"), set.ServiceName)
			require.Equal(t, pulumi.String("Parallel"), set.PodManagementPolicy)
			require.Equal(t, pulumi.Int(10), set.RevisionHistoryLimit)
			require.Equal(t, pulumi.Int(1), set.Replicas)
			require.Nil(t, set.VolumeClaimTemplates)
		})
	}
}

// Every container of a shard's pods and of the Job that reads its configuration has the
// shard's own image; the others and what asks all shards have that of all.
func TestAShardMayHaveAnImageOfItsOwn(t *testing.T) {
	own := "registry.example.com/postgres:17.5-patroni-barman"
	for name, change := range map[string]func(*Args){
		"one member": func(*Args) {},
		"members":    func(a *Args) { a.Members, a.TLS = 2, &TLS{TLS: k8s.TLS{Secret: "certificate"}} },
		"backup":     func(a *Args) { a.Backup = &Backup{Bucket: "s3://acme/prod"} },
	} {
		t.Run(name, func(t *testing.T) {
			args := &Args{Shards: []int{0, 1}, Image: pulumi.String(builtImage), Exporter: &Exporter{},
				Images: map[int]pulumi.StringInput{1: pulumi.String(own)}}
			change(args)
			seen := map[string]int{}
			for _, one := range run(t, args).All() {
				for _, image := range images(one) {
					if strings.HasPrefix(one.Name, "postgres-shard-1") {
						require.Equal(t, own, image, one.Name)
						seen["own"]++
					} else if one.Name != "postgres-exporter" {
						require.Equal(t, builtImage, image, one.Name)
						seen["all"]++
					}
				}
			}
			require.GreaterOrEqual(t, seen["own"], 3, "the pod's containers and the gate's")
			require.GreaterOrEqual(t, seen["all"], seen["own"]+2, "the Jobs monitor and rollout too")
		})
	}
}

// images are those of a resource's pod template.
func images(one pulumi.MockResourceArgs) []string {
	var all []string
	for _, kind := range []string{"initContainers", "containers"} {
		list, ok := kubetest.Value(one, "spec.template.spec."+kind)
		if !ok || !list.IsArray() {
			continue
		}
		for _, c := range list.ArrayValue() {
			all = append(all, c.ObjectValue()["image"].StringValue())
		}
	}
	return all
}

func TestOnlyTheBootstrapSeesTheCredentials(t *testing.T) {
	spec := podSpec(testPlan(nil))
	bootstrap := spec.InitContainers.(corev1.ContainerArray)[0].(*corev1.ContainerArgs)
	server := spec.Containers.(corev1.ContainerArray)[0].(*corev1.ContainerArgs)
	require.Len(t, bootstrap.VolumeMounts, len(mounts(testPlan(nil)))+2)
	require.Len(t, server.VolumeMounts, len(mounts(testPlan(nil))))
	require.Equal(t, corev1.EnvVarArray{env("PGDATA", dataPath), env("RUN", socketPath)}, server.Env)
	require.Contains(t, bootstrap.Env, env("DATABASE", "shard_3_db"))
}

func TestContainersAreRestrictedAndAlike(t *testing.T) {
	spec := podSpec(testPlan(nil))
	require.Equal(t, pulumi.Bool(false), spec.AutomountServiceAccountToken)
	for _, c := range []*corev1.ContainerArgs{bootstrapContainer(testPlan(nil)), serverContainer(testPlan(nil))} {
		require.Equal(t, pulumi.Bool(true), c.SecurityContext.(*corev1.SecurityContextArgs).ReadOnlyRootFilesystem)
		require.Equal(t, kube.Resources(testPlan(nil).Resources), c.Resources)
	}
}

func TestProbes(t *testing.T) {
	server := serverContainer(testPlan(nil))
	command := func(probe corev1.ProbePtrInput) string {
		command := probe.(*corev1.ProbeArgs).Exec.(*corev1.ExecActionArgs).Command.(pulumi.StringArray)
		return string(command[2].(pulumi.String))
	}
	require.Equal(t, "pg_isready --quiet --host=127.0.0.1 --port=5432 --timeout=3", command(server.ReadinessProbe))
	require.Contains(t, command(server.LivenessProbe), "test $? -le 1")
	startup := server.StartupProbe.(*corev1.ProbeArgs)
	require.Equal(t, pulumi.Int(1), startup.PeriodSeconds, "its users wait for it")
	require.Equal(t, pulumi.Int(3600), startup.FailureThreshold)
}

func TestDisruptionBudget(t *testing.T) {
	for disruption, want := range map[Disruption]pulumi.Int{DisruptOne: 1, DisruptNone: 0} {
		budget := disruptionBudget("postgres", testPlan(func(a *Args) { a.Disruption = disruption }).Args)
		require.Equal(t, want, budget.Spec.(*policyv1.PodDisruptionBudgetSpecArgs).MaxUnavailable, disruption)
	}
	require.Nil(t, disruptionBudget("postgres", testPlan(func(a *Args) { a.Disruption = DisruptAny }).Args))
}

func TestNetworkPolicyLetsPeersAndShardsIn(t *testing.T) {
	caller := k8s.Peer{Pods: pulumi.StringMap{"app": pulumi.String("shop")}}
	args := testPlan(func(a *Args) { a.IngressFrom = []k8s.Peer{caller} }).Args
	policy := networkPolicy("postgres", args).Spec.(*networkingv1.NetworkPolicySpecArgs)
	rule := policy.Ingress.(networkingv1.NetworkPolicyIngressRuleArray)[0].(*networkingv1.NetworkPolicyIngressRuleArgs)
	require.Len(t, rule.From, 3, "the shards, the rollout Jobs and the peer")
	require.Len(t, policy.Egress, 2, "the resolver and the other shards")
}

func TestPlacement(t *testing.T) {
	spec := podSpec(testPlan(func(a *Args) {
		a.PriorityClass, a.NodeSelector = pulumi.String("data"), pulumi.StringMap{"pool": pulumi.String("db")}
		a.Tolerations = []k8s.Toleration{{Key: "dedicated", Value: "db"}}
	}))
	require.NotNil(t, spec.PriorityClassName)
	require.Len(t, spec.Tolerations, 1)
	require.Equal(t, pulumi.StringMap{"pool": pulumi.String("db")}, spec.NodeSelector)
}

// A volume ties its pod to a zone. If the spread were insisted on, a shard could not
// start again once others have gone or a zone is away.
func TestTheSpreadNeverKeepsAShardFromStarting(t *testing.T) {
	constraints := podSpec(testPlan(nil)).TopologySpreadConstraints.(corev1.TopologySpreadConstraintArray)
	require.Len(t, constraints, 2)
	for i, key := range []string{"topology.kubernetes.io/zone", "kubernetes.io/hostname"} {
		constraint := constraints[i].(*corev1.TopologySpreadConstraintArgs)
		require.Equal(t, pulumi.String(key), constraint.TopologyKey)
		require.Equal(t, pulumi.String("ScheduleAnyway"), constraint.WhenUnsatisfiable)
	}
}

func TestTheClaimAsksForTheStorage(t *testing.T) {
	spec := func(change func(*Args)) *corev1.PersistentVolumeClaimSpecArgs {
		return volumeClaim(testPlan(change)).Spec.(*corev1.PersistentVolumeClaimSpecArgs)
	}
	fast := spec(func(a *Args) {
		a.Storage = Storage{Size: "20Gi", Class: pulumi.String("fast"), AccessMode: "ReadWriteOncePod"}
	})
	require.NotNil(t, fast.StorageClassName)
	require.Equal(t, pulumi.StringArray{pulumi.String("ReadWriteOncePod")}, fast.AccessModes)
	require.Nil(t, spec(nil).StorageClassName)
}

// Whatever runs first on a volume refuses the data of another major version, before it
// changes anything.
func TestNoImageTakesDataOfAnotherMajorVersion(t *testing.T) {
	for name, change := range map[string]func(*Args){
		"bootstrap.sh": nil,
		"prepare.sh":   threeMembers,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range map[string]string{
				"start.sh": mountedFiles(testPlan(change))[name], "lock.sh": lockScript, "volume-settings": "", "rollout": "one",
				"data/PG_VERSION": "16\n", "bin/postgres": "#!/bin/sh\necho 'postgres (PostgreSQL) 17.5 (Debian 17.5-1)'\n",
			} {
				require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o755))
				require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o755))
			}
			cmd := exec.Command("sh", filepath.Join(dir, "start.sh"))
			cmd.Env = []string{"PATH=" + dir + "/bin:/usr/bin:/bin", "PGDATA=" + dir + "/data", "CONFIG=" + dir, "DATABASE=d", "CREDENTIALS=" + dir}
			output, err := cmd.CombinedOutput()
			require.Error(t, err)
			require.Equal(t, "startup: "+dir+"/data was written by PostgreSQL 16, this image is PostgreSQL 17: "+
				"give the shard its old image back (postgres.image or postgres.images); docs/major-upgrade.md says how shards get a new version\n", string(output))
			require.NoFileExists(t, filepath.Join(dir, "startup.conf"))
		})
	}
}
