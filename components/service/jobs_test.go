package service

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
)

func TestJobNameChangesWithItsWork(t *testing.T) {
	name := func(change func(*Args)) string {
		a := valid()
		change(a)
		return jobName(t, run(t, "app", a), "app-migrate")
	}
	same := name(func(*Args) {})
	require.Regexp(t, `^app-migrate-[0-9a-f]{8}$`, same)
	require.Equal(t, same, name(func(a *Args) { a.Replicas.Max = 20 }))
	for _, change := range []func(*Args){
		func(a *Args) { a.Image = pulumi.String("example/shop:2") },
		func(a *Args) { a.Migration.Image = pulumi.String("example/migrations:1") },
		func(a *Args) { a.Migration.Command = []string{"/other"} },
		func(a *Args) { a.Migration.Args = nil },
		func(a *Args) { a.Migration.Revision = "6 shards" },
	} {
		require.NotEqual(t, same, name(change))
	}
}

func TestMigrationIsReplacedAfterAFailureAndKeptAfterSuccess(t *testing.T) {
	r := run(t, "app", valid())
	j := r.Get(t, "Job", jobName(t, r, "app-migrate"))
	require.Equal(t, "true", kubetest.Text(j, `metadata.annotations["pulumi.com/replaceUnready"]`))
	require.True(t, j.RegisterRPC.GetDeleteBeforeReplace())
	require.Equal(t, "Never", kubetest.Text(j, "spec.template.spec.restartPolicy"))
	require.Equal(t, 6., number(t, j, "spec.backoffLimit"))
	require.Equal(t, 600., number(t, j, "spec.activeDeadlineSeconds"))
	_, found := kubetest.Value(j, "spec.ttlSecondsAfterFinished")
	require.False(t, found)
	require.NotEqual(t, PodLabels("app"), MigrationLabels("app"))
}

// Pulumi gives up after ten minutes unless it is told otherwise, and the next deployment would end the Job.
func TestADeploymentWaitsLongerThanAMigrationMayTake(t *testing.T) {
	a := valid()
	a.Migration.DeadlineSeconds = 7200
	r := run(t, "app", a)
	j := r.Get(t, "Job", jobName(t, r, "app-migrate"))
	require.Equal(t, 7200., number(t, j, "spec.activeDeadlineSeconds"))
	require.Equal(t, "7260", kubetest.Text(j, `metadata.annotations["pulumi.com/timeoutSeconds"]`))
}

// A pod more may take as long as it may start, and a rollout as long as all its pods.
func TestARolloutMayTakeAsLongAsItsPodsStart(t *testing.T) {
	waits := func(startup int) (progress, pulumi any) {
		a := valid()
		a.Probes.StartupSeconds = startup
		d := run(t, "app", a).Get(t, "Deployment", "app")
		one, _ := kubetest.Value(d, "spec.progressDeadlineSeconds")
		other, _ := kubetest.Value(d, `metadata.annotations["pulumi.com/timeoutSeconds"]`)
		return one.V, other.V
	}
	progress, pulumi := waits(60)
	require.Nil(t, progress, "600, by Kubernetes")
	require.Nil(t, pulumi, "600, by Pulumi")
	progress, pulumi = waits(1800)
	require.Equal(t, 2340., progress)
	require.Equal(t, "9300", pulumi)
}

func TestPostRolloutComesAfterTheRolloutAndNobodyWaitsForIt(t *testing.T) {
	r := run(t, "app", valid())
	j := r.Get(t, "Job", jobName(t, r, "app-rollout"))
	require.Equal(t, "true", kubetest.Text(j, `metadata.annotations["pulumi.com/skipAwait"]`))
	require.True(t, j.RegisterRPC.GetDeleteBeforeReplace())
	dependencies := strings.Join(j.RegisterRPC.GetDependencies(), "\n")
	for _, name := range []string{"::app-deployment", "::app-migrate", "::app-rollout-policy"} {
		require.Contains(t, dependencies, name)
	}
	_, found := kubetest.Value(j, "spec.activeDeadlineSeconds")
	require.False(t, found)
	policy := r.Get(t, "NetworkPolicy", "app-rollout")
	require.Equal(t, "app-rollout",
		kubetest.Text(policy, `spec.podSelector.matchLabels["app.kubernetes.io/instance"]`))
}

func TestMetricsOfAJobAreForItsCallersOnly(t *testing.T) {
	r := run(t, "app", valid())
	container := "spec.template.spec.containers[0]."
	job := r.Get(t, "Job", jobName(t, r, "app-rollout"))
	require.Equal(t, 8081., number(t, job, container+"ports[0].containerPort"))
	for _, probe := range []string{"startupProbe", "readinessProbe", "livenessProbe"} {
		_, found := kubetest.Value(job, container+probe)
		require.False(t, found, probe)
	}
	policy := r.Get(t, "NetworkPolicy", "app-rollout")
	require.Equal(t, 8081., number(t, policy, "spec.ingress[0].ports[0].port"))
	require.Equal(t, "prometheus", kubetest.Text(policy, `spec.ingress[0].from[0].podSelector.matchLabels["app.kubernetes.io/name"]`))

	_, found := kubetest.Value(r.Get(t, "Job", jobName(t, r, "app-migrate")), container+"ports")
	require.False(t, found)
}

func TestJobEndsWhereARetryCannotHelp(t *testing.T) {
	r := run(t, "app", valid())
	j := r.Get(t, "Job", jobName(t, r, "app-rollout"))
	rules := "spec.podFailurePolicy.rules"
	require.Equal(t, "Ignore", kubetest.Text(j, rules+"[0].action"))
	require.Equal(t, "DisruptionTarget", kubetest.Text(j, rules+"[0].onPodConditions[0].type"))
	require.Equal(t, "FailJob", kubetest.Text(j, rules+"[1].action"))
	require.Equal(t, "rollout", kubetest.Text(j, rules+"[1].onExitCodes.containerName"))
	require.Equal(t, 4., number(t, j, rules+"[1].onExitCodes.values[1]"))
}
