package namespace_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/namespace"
)

func TestNamespace(t *testing.T) {
	r := kubetest.Run(t, func(ctx *pulumi.Context) error {
		_, err := namespace.New(ctx, "base", &namespace.Args{Name: "shop"})
		return err
	})
	require.Equal(t, []string{"Namespace shop", "NetworkPolicy default-deny"}, r.Names())
	r.RequireParented(t, "base")

	made := r.Get(t, "Namespace", "shop")
	for _, mode := range []string{"enforce", "audit", "warn"} {
		require.Equal(t, "restricted", kubetest.Text(made, `metadata.labels["pod-security.kubernetes.io/`+mode+`"]`))
	}
	require.True(t, made.RegisterRPC.GetRetainOnDelete(), "deleting the namespace would delete the volume claims")
	require.Equal(t, "scalestack", kubetest.Text(made, `metadata.annotations["pulumi.com/patchFieldManager"]`))

	deny := r.Get(t, "NetworkPolicy", "default-deny")
	require.Equal(t, "shop", kubetest.Text(deny, "metadata.namespace"))
	types, _ := kubetest.Value(deny, "spec.policyTypes")
	require.Len(t, types.ArrayValue(), 2)
	_, selects := kubetest.Value(deny, "spec.podSelector.matchLabels")
	require.False(t, selects, "the policy must cover every pod")
}

func TestAFileKeepsItsName(t *testing.T) {
	r := kubetest.Run(t, func(ctx *pulumi.Context) error {
		n, err := namespace.New(ctx, "base", nil)
		if err != nil {
			return err
		}
		_, err = n.AddFile(ctx, "base", "shard-map", "map.json", "{}")
		return err
	})
	file := r.Get(t, "ConfigMap", namespace.FileName("shard-map", "{}"))
	require.Equal(t, "{}", kubetest.Text(file, `data["map.json"]`))
	require.True(t, file.RegisterRPC.GetRetainOnDelete(), "an older revision of a service needs it")
	immutable, _ := kubetest.Value(file, "immutable")
	require.True(t, immutable.BoolValue())

	require.Regexp(t, `^shard-map-[0-9a-f]{8}$`, namespace.FileName("shard-map", "{}"))
	require.NotEqual(t, namespace.FileName("shard-map", "{}"), namespace.FileName("shard-map", "{ }"))
}

// An opening says nothing of the direction that it is not about: that stays the matter of
// the pods' own policy.
func TestAnOpeningIsAPolicyForOneDirection(t *testing.T) {
	pods, peer := pulumi.StringMap{"app": pulumi.String("web")}, k8s.Peer{Pods: pulumi.StringMap{"app": pulumi.String("shop")}}
	r := kubetest.Run(t, func(ctx *pulumi.Context) error {
		n, err := namespace.New(ctx, "base", nil)
		if err != nil {
			return err
		}
		for name, opening := range map[string]namespace.Opening{
			"base-in":    {Pods: pods, From: []k8s.Peer{peer}, Ports: []int{80, 443}},
			"base-named": {Pods: pods, From: []k8s.Peer{peer}, PortName: "http"},
			"base-out":   {Pods: pods, To: []k8s.Target{{Peer: peer, Port: 80}}},
		} {
			if _, err := n.Open(ctx, name, opening); err != nil {
				return err
			}
		}
		return nil
	})
	r.RequireParented(t, "base")
	spec := func(name string) map[string]any {
		return r.Get(t, "NetworkPolicy", name).Inputs["spec"].Mappable().(map[string]any)
	}
	selector := func(app string) map[string]any { return map[string]any{"matchLabels": map[string]any{"app": app}} }
	shop := []any{map[string]any{"podSelector": selector("shop")}}
	port := func(port any) []any { return []any{map[string]any{"port": port, "protocol": "TCP"}} }
	in := func(rules ...any) map[string]any {
		return map[string]any{"podSelector": selector("web"), "policyTypes": []any{"Ingress"}, "ingress": rules}
	}
	require.Equal(t, in(map[string]any{"from": shop, "ports": port(80.)}, map[string]any{"from": shop, "ports": port(443.)}), spec("base-in"))
	require.Equal(t, in(map[string]any{"from": shop, "ports": port("http")}), spec("base-named"))
	require.Equal(t, map[string]any{"podSelector": selector("web"), "policyTypes": []any{"Egress"},
		"egress": []any{map[string]any{"to": shop, "ports": port(80.)}}}, spec("base-out"))
}

func TestValidate(t *testing.T) {
	require.NoError(t, (*namespace.Args)(nil).Validate())
	require.EqualError(t, (&namespace.Args{Name: "A"}).Validate(), `name: Invalid value: "A": must be a DNS label: `+
		"at most 63 lower-case letters, digits and '-', with a letter or digit at both ends")
}
