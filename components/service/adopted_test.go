package service

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
)

const wanted = "new"

func kedaSays(kind, status, message string) map[string]any {
	return map[string]any{"status": map[string]any{"conditions": []any{map[string]any{
		"type": kind, "status": status, "reason": "ScaledObjectCheckFailed", "message": message,
	}}}}
}

func madeOf(checksum string) map[string]any {
	return map[string]any{"metadata": map[string]any{"annotations": map[string]any{specAnnotation: checksum}}}
}

// awaited is what a deployment says of what the cluster has, look by look.
func awaited(t *testing.T, limit time.Duration, looks ...map[string]map[string]any) (looked int, err error) {
	t.Helper()
	look := func(_ context.Context, _, resource, namespace, name string) (map[string]any, error) {
		require.Equal(t, "shop", namespace)
		now := looks[min(looked/2, len(looks)-1)]
		looked++
		require.Equal(t, map[string]string{"scaledobjects": "mailer", "horizontalpodautoscalers": "keda-hpa-mailer"}[resource], name)
		if now == nil {
			return nil, errors.New("no route to host")
		}
		return now[resource], nil
	}
	err = awaitKEDA(t.Context(), look, "shop", "mailer", wanted, limit, time.Millisecond)
	return looked, err
}

func cluster(scaledObject, autoscaler map[string]any) map[string]map[string]any {
	return map[string]map[string]any{"scaledobjects": scaledObject, "horizontalpodautoscalers": autoscaler}
}

// The former spec's Ready is no answer: it is what an update finds.
func TestAnUpdateWaitsForKEDAToHaveSeenIt(t *testing.T) {
	before := cluster(kedaSays("Ready", "True", "is ready"), madeOf("old"))
	looked, err := awaited(t, time.Minute, before, before, cluster(kedaSays("Ready", "True", "is ready"), madeOf(wanted)))
	require.NoError(t, err)
	require.Equal(t, 6, looked)
}

func TestWhatKEDASaysAgainstAnUpdate(t *testing.T) {
	const refusal = "failed to ensure HPA is correctly created for ScaledObject: error parsing prometheus metadata"
	refused := kedaSays("Ready", "False", refusal)
	for want, now := range map[string]map[string]map[string]any{
		"ScaledObjectCheckFailed: " + refusal:                       cluster(refused, madeOf("old")),
		"ScaledObjectCheckFailed: failed to ensure HPA":             cluster(refused, nil),
		"KEDA says nothing against it. Does its operator run?":      cluster(kedaSays("Ready", "True", ""), madeOf("old")),
		"nothing against it":                                        cluster(map[string]any{}, nil),
		"after 100ms: no route to host":                             nil,
		"ScaledObject shop/mailer: KEDA does not scale by it as it": cluster(map[string]any{}, madeOf("")),
	} {
		_, err := awaited(t, 100*time.Millisecond, now)
		require.ErrorContains(t, err, want)
	}
}

// Kafka may be away while something else is deployed.
func TestWhatIsDeployedAlreadyIsNotWaitedFor(t *testing.T) {
	for name, now := range map[string]map[string]map[string]any{
		"in use":  cluster(kedaSays("Ready", "False", "Kafka is away"), madeOf(wanted)),
		"paused":  cluster(kedaSays("Paused", "True", ""), nil),
		"deleted": cluster(nil, nil),
	} {
		_, err := awaited(t, time.Minute, now)
		require.NoError(t, err, name)
	}
}

func TestADeploymentThatEndsWaitsNoLonger(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	look := func(context.Context, string, string, string, string) (map[string]any, error) {
		return map[string]any{}, nil
	}
	require.Error(t, awaitKEDA(ctx, look, "shop", "mailer", wanted, time.Hour, time.Hour))
}

// Whoever can look needs no condition, which an update would find as it was before.
func TestTheConditionIsAwaitedWhereNobodyLooks(t *testing.T) {
	const path = `metadata.annotations["pulumi.com/waitFor"]`
	require.Equal(t, "condition=Ready", kubetest.Text(run(t, "email", consumer()).Get(t, "ScaledObject", "email"), path))
	args := consumer()
	args.Look = func(context.Context, string, string, string, string) (map[string]any, error) {
		return nil, nil
	}
	require.Empty(t, kubetest.Text(run(t, "email", args).Get(t, "ScaledObject", "email"), path))
}

// What changes the spec changes the checksum, and nothing else does.
func TestTheChecksumIsThatOfTheSpec(t *testing.T) {
	sum := func(change func(*Args)) string {
		args := consumer()
		change(args)
		return kubetest.Text(run(t, "email", args).Get(t, "ScaledObject", "email"), `metadata.annotations["`+specAnnotation+`"]`)
	}
	same := sum(func(*Args) {})
	require.Len(t, same, 64)
	require.Equal(t, same, sum(func(a *Args) { a.Command = []string{"other"} }))
	for name, change := range map[string]func(*Args){
		"replicas":        func(a *Args) { a.Replicas.Max++ },
		"group":           func(a *Args) { a.Triggers.Lag.Group = "other" },
		"query":           func(a *Args) { a.Triggers.Queries[0].Query = "sum(other)" },
		"where it is":     func(a *Args) { a.Sources.Prometheus = "http://other:9090" },
		"where Kafka is":  func(a *Args) { a.Sources.Bootstrap = pulumi.String("other:9093") },
		"how fast it may": func(a *Args) { a.Behavior.Down.PeriodSeconds = 45 },
	} {
		require.NotEqual(t, same, sum(change), name)
	}
}

// The component fails with what KEDA says, and one that is as deployed does not.
func TestTheDeploymentAsksKEDA(t *testing.T) {
	deploy := func(autoscaler func(checksum string) map[string]any) error {
		args := consumer()
		var r kubetest.Recorder
		args.Look = func(_ context.Context, _, resource, _, _ string) (map[string]any, error) {
			if resource == "scaledobjects" {
				return kedaSays("Ready", "True", ""), nil
			}
			return autoscaler(kubetest.Text(r.Get(t, "ScaledObject", "email"), `metadata.annotations["`+specAnnotation+`"]`)), nil
		}
		return pulumi.RunErr(func(ctx *pulumi.Context) error {
			_, err := New(ctx, "email", args)
			return err
		}, pulumi.WithMocks("project", "stack", &r))
	}
	require.NoError(t, deploy(madeOf))
	patience = 50 * time.Millisecond
	t.Cleanup(func() { patience = adoptWithin })
	require.ErrorContains(t, deploy(func(string) map[string]any { return madeOf("old") }), "KEDA says nothing against it")
}

// A Deployment of no pods rolls out at once, whatever its image is.
func TestASleeperIsNamed(t *testing.T) {
	said := func(found map[string]any, err error) string {
		return asleep(t.Context(), func(_ context.Context, version, resource, namespace, name string) (map[string]any, error) {
			require.Equal(t, []string{"apps/v1", "deployments", "shop", "email"}, []string{version, resource, namespace, name})
			return found, err
		}, "shop", "email")
	}
	of := func(replicas any) map[string]any { return map[string]any{"spec": map[string]any{"replicas": replicas}} }
	require.Contains(t, said(of(int64(0)), nil), "Deployment shop/email sleeps: no pod has tried what is deployed")
	require.Empty(t, said(of(int64(1)), nil))
	require.Empty(t, said(nil, nil))
	require.Empty(t, said(nil, errors.New("forbidden")))
}

func TestADeploymentLooksAtSleepersAlone(t *testing.T) {
	for _, seconds := range []int{0, 300} {
		args, asked := consumer(), []string{}
		args.Triggers.Connections, args.Triggers.Requests, args.Triggers.Lag.ScaleToZeroAfterSeconds = nil, nil, seconds
		var r kubetest.Recorder
		args.Look = func(_ context.Context, _, resource, _, _ string) (map[string]any, error) {
			asked = append(asked, resource)
			switch resource {
			case "deployments":
				return map[string]any{"spec": map[string]any{"replicas": int64(0)}}, nil
			case "scaledobjects":
				return kedaSays("Ready", "True", ""), nil
			}
			return madeOf(kubetest.Text(r.Get(t, "ScaledObject", "email"), `metadata.annotations["`+specAnnotation+`"]`)), nil
		}
		require.NoError(t, pulumi.RunErr(func(ctx *pulumi.Context) error {
			_, err := New(ctx, "email", args)
			return err
		}, pulumi.WithMocks("project", "stack", &r)))
		require.Equal(t, seconds > 0, slices.Contains(asked, "deployments"))
	}
}
