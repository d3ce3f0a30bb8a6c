package engine

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/service"
)

// One autoscaler is gone before the other is made, in both directions, and nothing
// else of the service is touched but what KEDA logs in with.
func TestOneAutoscalerReplacesTheOther(t *testing.T) {
	triggers := &service.Triggers{Lag: &service.Lag{Topics: []string{"orders"}, Group: "mail"}}
	args := &service.Args{
		Namespace: pulumi.String("shop").ToStringOutput(), Image: pulumi.String("example/shop:1"),
		Sources: service.Sources{
			Bootstrap: pulumi.String("kafka:9093"), User: "mail-lag", UserSecret: pulumi.String("user"), CASecret: pulumi.String("ca"),
		},
	}
	r := newRig(t, func() pulumi.RunFunc {
		return func(ctx *pulumi.Context) error {
			_, err := service.New(ctx, "mail", args)
			return err
		}
	})
	r.mustRun(update)
	r.mustRun(update)
	require.Empty(t, r.done, "a second deployment changes nothing")

	args.Triggers = triggers
	r.mustRun(update)
	r.requireOrder("delete HorizontalPodAutoscaler mail-autoscaler", "create ScaledObject mail-autoscaler")
	require.Len(t, r.done, 4, "%v", r.done)
	r.mustRun(update)
	require.Empty(t, r.done)

	args.Triggers = nil
	r.mustRun(update)
	r.requireOrder("delete ScaledObject mail-autoscaler", "create HorizontalPodAutoscaler mail-autoscaler")
	r.requireOrder("delete ScaledObject mail-autoscaler", "delete TriggerAuthentication mail-lag-access")
	require.Len(t, r.done, 4, "%v", r.done)
}

func (r *rig) requireOrder(first, second string) {
	r.t.Helper()
	a, b := slices.Index(r.done, first), slices.Index(r.done, second)
	require.True(r.t, a >= 0 && b > a, "want %s before %s:\n%s", first, second, strings.Join(r.done, "\n"))
}
