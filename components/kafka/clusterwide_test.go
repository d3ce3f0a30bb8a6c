package kafka

import (
	"context"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
)

// child is an object of the chart as the engine hands it to a transform.
func child(token string, metadata pulumi.Map) *pulumi.ResourceTransformArgs {
	return &pulumi.ResourceTransformArgs{
		Custom: true, Type: token, Props: pulumi.Map{"metadata": metadata, "spec": pulumi.Map{}},
	}
}

func TestClusterWideObjectsOutliveTheStack(t *testing.T) {
	keep := keepClusterWide(pulumi.String("shop"), &pulumi.ResourceHook{Name: "guard"})
	for _, token := range []string{
		"kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition",
		"kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
		"kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding",
		"kubernetes:admissionregistration.k8s.io/v1:ValidatingWebhookConfiguration",
	} {
		given := child(token, pulumi.Map{"name": pulumi.String("kafkas"), "annotations": pulumi.Map{"own": pulumi.String("1")}})
		got := keep(context.Background(), given)
		require.NotNil(t, got, token)
		require.True(t, got.Opts.RetainOnDelete, token)
		require.Equal(t, "guard", got.Opts.Hooks.AfterCreate[0].Name)
		metadata := got.Props["metadata"].(pulumi.Map)
		annotations := metadata["annotations"].(pulumi.Map)
		require.Equal(t, pulumi.String("kafkas"), metadata["name"])
		require.Equal(t, pulumi.String("1"), annotations["own"])
		require.Equal(t, pulumi.String("shop"), annotations[InstalledByAnnotation])
		require.Contains(t, annotations, "pulumi.com/patchFieldManager")
		require.Equal(t, pulumi.Map{}, got.Props["spec"], "all else stays")
		require.NotContains(t, given.Props["metadata"].(pulumi.Map)["annotations"], InstalledByAnnotation)
	}
}

func TestOneInstallationForACluster(t *testing.T) {
	managers := func(names ...string) resource.PropertyMap {
		entries := []any{map[string]any{"manager": "k3s", "operation": "Update", "subresource": "status"}}
		for _, name := range names {
			entries = append(entries, map[string]any{"manager": name, "operation": "Apply"})
		}
		return resource.NewPropertyMapFromMap(map[string]any{
			"kind": "ClusterRole", "metadata": map[string]any{"name": "strimzi", "managedFields": entries},
		})
	}
	inputs := resource.NewPropertyMapFromMap(map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{"pulumi.com/patchFieldManager": "scalestack-shop"}},
	})
	for name, answer := range map[string]resource.PropertyMap{
		"new":              managers("scalestack-shop"),
		"kept":             managers("scalestack-shop", "clusterrole-aggregation-controller", "kube-controller-manager"),
		"not asked":        inputs,
		"not known so far": {"metadata": resource.MakeComputed(resource.NewStringProperty(""))},
	} {
		require.Empty(t, installedBefore(inputs, answer), name)
	}
	for name, answer := range map[string]resource.PropertyMap{
		"another stack's": managers("scalestack-shop", "scalestack-books"),
		"Helm's":          managers("scalestack-shop", "helm"),
	} {
		errs := installedBefore(inputs, answer)
		require.Len(t, errs, 1, name)
		require.Contains(t, errs[0].Error(), "operator.mode: Forbidden: install: ClusterRole strimzi is in this cluster already, applied by ")
	}
}

func TestTheOperatorItselfGoesWithTheStack(t *testing.T) {
	keep := keepClusterWide(pulumi.String("shop"), &pulumi.ResourceHook{Name: "guard"})
	inside := pulumi.Map{"name": pulumi.String("a"), "namespace": pulumi.String("shop")}
	for _, token := range []string{"kubernetes:apps/v1:Deployment", "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"} {
		require.Nil(t, keep(context.Background(), child(token, inside)), token)
	}
	require.Nil(t, keep(context.Background(), &pulumi.ResourceTransformArgs{Type: "kubernetes:helm.sh/v4:Chart"}))
}

func TestTheChartKeepsItsClusterWideObjects(t *testing.T) {
	c := run(t, production()).Get(t, "Chart", "")
	require.Len(t, c.RegisterRPC.GetTransforms(), 1)
}

func TestOneOperatorMayWatchAllNamespaces(t *testing.T) {
	const watched = "values.watchAnyNamespace"
	alone, found := kubetest.Value(run(t, production()).Get(t, "Chart", ""), watched)
	require.True(t, found)
	require.False(t, alone.BoolValue())
	a := production()
	a.Operator.WatchAllNamespaces = true
	r := run(t, a)
	all, _ := kubetest.Value(r.Get(t, "Chart", ""), watched)
	require.True(t, all.BoolValue())
	policy := r.Get(t, "NetworkPolicy", "kafka-operator")
	require.Equal(t, "strimzi.io/cluster", kubetest.Text(policy, "spec.egress[2].to[0].podSelector.matchExpressions[0].key"))
	_, everywhere := kubetest.Value(policy, "spec.egress[2].to[0].namespaceSelector")
	require.True(t, everywhere)
}
