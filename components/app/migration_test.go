package app

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
)

func TestJobNameChangesWithItsWork(t *testing.T) {
	name := func(change func(*Args)) string {
		a := valid()
		change(a)
		name, err := jobName("app", a)
		require.NoError(t, err)
		return name
	}
	same := name(func(*Args) {})
	require.Regexp(t, `^app-migrate-[0-9a-f]{8}$`, same)
	require.Equal(t, same, name(func(a *Args) { a.Replicas.Max = 20 }))
	for _, change := range []func(*Args){
		func(a *Args) { a.Image = "scalestack/workload:2" },
		func(a *Args) { a.Migration.Command = []string{"/other"} },
		func(a *Args) { a.Migration.Args = nil },
		func(a *Args) { a.Migration.Revision = "6 shards" },
	} {
		require.NotEqual(t, same, name(change))
	}
}

func TestJobIsReplacedAfterAFailureAndKeptAfterSuccess(t *testing.T) {
	name, err := jobName("app", valid())
	require.NoError(t, err)
	j := run(t, "app", valid()).Get(t, "Job", name)
	require.Equal(t, "true", kubetest.Text(j, `metadata.annotations["pulumi.com/replaceUnready"]`))
	require.Equal(t, "Never", kubetest.Text(j, "spec.template.spec.restartPolicy"))
	require.Equal(t, 6., number(t, j, "spec.backoffLimit"))
	require.Equal(t, 600., number(t, j, "spec.activeDeadlineSeconds"))
	_, found := kubetest.Value(j, "spec.ttlSecondsAfterFinished")
	require.False(t, found)
	require.NotEqual(t, PodLabels("app"), MigrationLabels("app"))
}
