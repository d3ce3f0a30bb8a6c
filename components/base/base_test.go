package base_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/base"
	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
)

func TestBase(t *testing.T) {
	r := kubetest.Run(t, func(ctx *pulumi.Context) error {
		b, err := base.New(ctx, "base", &base.Args{Namespace: "shop", ShardMap: "{}"})
		if err != nil {
			return err
		}
		ctx.Export("namespace", b.Namespace)
		return nil
	})
	require.Equal(t, []string{"ConfigMap " + base.ShardMapName("{}"), "Namespace shop", "NetworkPolicy default-deny"}, r.Names())
	r.RequireParented(t, "base")

	namespace := r.Get(t, "Namespace", "shop")
	for _, mode := range []string{"enforce", "audit", "warn"} {
		require.Equal(t, "restricted", kubetest.Text(namespace, `metadata.labels["pod-security.kubernetes.io/`+mode+`"]`))
	}
	require.True(t, namespace.RegisterRPC.GetRetainOnDelete(), "deleting the namespace would delete the volume claims")
	require.Equal(t, "scalestack", kubetest.Text(namespace, `metadata.annotations["pulumi.com/patchFieldManager"]`))

	deny := r.Get(t, "NetworkPolicy", "default-deny")
	require.Equal(t, "shop", kubetest.Text(deny, "metadata.namespace"))
	types, _ := kubetest.Value(deny, "spec.policyTypes")
	require.Len(t, types.ArrayValue(), 2)
	_, selects := kubetest.Value(deny, "spec.podSelector.matchLabels")
	require.False(t, selects, "the policy must cover every pod")

	config := r.Get(t, "ConfigMap", base.ShardMapName("{}"))
	require.Equal(t, "{}", kubetest.Text(config, `data["map.json"]`))
	require.True(t, config.RegisterRPC.GetRetainOnDelete(), "an older revision of the app needs it")
	immutable, _ := kubetest.Value(config, "immutable")
	require.True(t, immutable.BoolValue())
}

func TestAMapHasItsOwnName(t *testing.T) {
	require.Regexp(t, `^shard-map-[0-9a-f]{8}$`, base.ShardMapName("{}"))
	require.NotEqual(t, base.ShardMapName("{}"), base.ShardMapName("{ }"))
}

func TestValidate(t *testing.T) {
	require.EqualError(t, (*base.Args)(nil).Validate(), "shardMap: is required")
	require.ErrorContains(t, (&base.Args{Namespace: "A", ShardMap: "{}"}).Validate(), `namespace: "A" is not a name`)
	require.NoError(t, (&base.Args{ShardMap: "{}"}).Validate())
}
