package service

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/job"
	"github.com/scalestack/scalestack/components/k8s"
)

func TestDefaults(t *testing.T) {
	var none *Args
	a := none.withDefaults()
	require.Equal(t, pulumi.String("scalestack"), a.Namespace)
	require.Equal(t, Replicas{Min: 3, Max: 10}, a.Replicas)
	require.Equal(t, 60, a.CPUTargetPercent)
	require.Equal(t, 65532, a.User)
	require.Equal(t, 8080, a.HealthPort)
	require.Zero(t, a.Port)
	require.Zero(t, a.ServicePort, "no port, no Service")
	require.Equal(t, k8s.Resources{CPURequest: "100m", CPULimit: "500m", Memory: "128Mi"}, a.Resources)
	require.Equal(t, 0, *a.Behavior.Up.WindowSeconds)
	require.Equal(t, 300, *a.Behavior.Down.WindowSeconds)
	require.Equal(t, Probes{Readiness: "/readyz", Liveness: "/healthz", StartupSeconds: 60}, a.Probes)
	require.Nil(t, a.Migration)
	require.Nil(t, a.PostRollout)
}

func TestProbesGoWhereThePublicDoesNot(t *testing.T) {
	for want, a := range map[int]*Args{
		8080: {}, 8000: {Port: 8000}, 9090: {Port: 8000, MetricsPort: 9090}, 9091: {MetricsPort: 9091},
		8081: {Port: 8000, MetricsPort: 9090, HealthPort: 8081},
	} {
		require.Equal(t, want, a.withDefaults().HealthPort)
	}
}

func TestDefaultsFollowWhatWasGiven(t *testing.T) {
	a := (&Args{
		Port:        9000,
		Replicas:    Replicas{Min: 20},
		Resources:   k8s.Resources{CPURequest: "2", CPULimit: "4"},
		Behavior:    Behavior{Down: Scaling{WindowSeconds: seconds(0), Pods: 1}},
		Migration:   &job.Args{},
		PostRollout: &job.Args{Retries: 3},
	}).withDefaults()
	require.Equal(t, 9000, a.HealthPort)
	require.Equal(t, 80, a.ServicePort)
	require.Equal(t, 20, a.Replicas.Max)
	require.Equal(t, Scaling{WindowSeconds: seconds(0), Pods: 1, PeriodSeconds: 60}, a.Behavior.Down)
	migration := a.Migration.Inherit(a.inherited())
	require.Equal(t, k8s.Resources{CPURequest: "2", CPULimit: "4", Memory: "128Mi"}, migration.Resources)
	require.Equal(t, []int{6, 600, 65532}, []int{migration.Retries, migration.DeadlineSeconds, migration.User})
	later := a.PostRollout.Inherit(a.inherited())
	require.Equal(t, []int{3, 0}, []int{later.Retries, later.DeadlineSeconds})
	require.Equal(t, 100, (&Args{PostRollout: &job.Args{}}).withDefaults().PostRollout.Retries)
}

func TestDefaultsLeaveTheArgumentsAlone(t *testing.T) {
	a := &Args{Migration: &job.Args{}}
	a.withDefaults()
	require.Equal(t, &Args{Migration: &job.Args{}}, a)
}
