package app

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
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
	require.Equal(t, Resources{CPURequest: "100m", CPULimit: "500m", Memory: "128Mi"}, a.Resources)
	require.Equal(t, 0, *a.Behavior.Up.WindowSeconds)
	require.Equal(t, 300, *a.Behavior.Down.WindowSeconds)
	require.Equal(t, Probes{Readiness: "/readyz", Liveness: "/healthz", StartupSeconds: 60}, a.Probes)
	require.Nil(t, a.Migration)
	require.Nil(t, a.Followup)
}

func TestDefaultsFollowWhatWasGiven(t *testing.T) {
	a := (&Args{
		Port:      9000,
		Replicas:  Replicas{Min: 20},
		Resources: Resources{CPURequest: "2", CPULimit: "4"},
		Behavior:  Behavior{Down: Scaling{WindowSeconds: seconds(0), Pods: 1}},
		Migration: &Job{},
		Followup:  &Job{Retries: 3},
	}).withDefaults()
	require.Equal(t, 9000, a.HealthPort)
	require.Equal(t, 80, a.ServicePort)
	require.Equal(t, 20, a.Replicas.Max)
	require.Equal(t, Scaling{WindowSeconds: seconds(0), Pods: 1, PeriodSeconds: 60}, a.Behavior.Down)
	require.Equal(t, &Job{Name: "migrate", Resources: a.Resources, Retries: 6, DeadlineSeconds: 600}, a.Migration)
	require.Equal(t, &Job{Name: "follow", Resources: a.Resources, Retries: 3}, a.Followup)
}

func TestDefaultsLeaveTheArgumentsAlone(t *testing.T) {
	a := &Args{Migration: &Job{}}
	a.withDefaults()
	require.Equal(t, &Args{Migration: &Job{}}, a)
}
