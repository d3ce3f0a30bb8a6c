package rule

import (
	"testing"

	"github.com/stretchr/testify/require"
)

type object = map[string]any

func TestKinds(t *testing.T) {
	for token, want := range map[string]struct {
		object string
		patch  bool
	}{
		"kubernetes:apps/v1:Deployment":                        {"apps Deployment", false},
		"kubernetes:apps/v1beta1:DeploymentPatch":              {"apps Deployment", true},
		"kubernetes:extensions/v1beta1:Ingress":                {"networking.k8s.io Ingress", false},
		"kubernetes:extensions/v1beta1:DaemonSetPatch":         {"apps DaemonSet", true},
		"kubernetes:v1:Pod":                                    {"core Pod", false},
		"kubernetes:core/v1:PodPatch":                          {"core Pod", true},
		"kubernetes:gateway.envoyproxy.io/v1:EnvoyPatchPolicy": {"gateway.envoyproxy.io EnvoyPatchPolicy", false},
		"kubernetes:example.com/v1:Patch":                      {"example.com Patch", false},
	} {
		r := Resource{Type: token}
		require.Equal(t, want.object, r.Group()+" "+r.Kind(), token)
		require.Equal(t, want.patch, r.Patch(), token)
		require.True(t, r.Kubernetes(), token)
	}
	own := Resource{Type: "kubernetes:example.com/v1:JSONPatch", Properties: object{"kind": "JSONPatch"}}
	require.False(t, own.Patch(), "the object says that it is one")
	require.False(t, own.Disguised())
	for _, token := range []string{
		"kubernetes:helm.sh/v4:Chart", "kubernetes:helm.sh/v3:Release", "kubernetes:yaml/v2:ConfigFile", "kubernetes:yaml:ConfigGroup",
		"kubernetes:kustomize/v2:Directory", "cloudflare:index/record:Record", "scalestack:redis:Redis",
	} {
		require.False(t, Resource{Type: token}.Kubernetes(), token)
	}
	require.True(t, Resource{Type: "cloudflare:index/tunnelConfig:TunnelConfig"}.Cloudflare("ZeroTrustTunnelCloudflaredConfig"))
	require.Equal(t, "Tunnel", Resource{Type: "example:index:Tunnel"}.Kind())
}

func TestDisguised(t *testing.T) {
	says := func(version, kind string) bool {
		return Resource{Type: "kubernetes:apps/v1:DeploymentPatch", Properties: object{"apiVersion": version, "kind": kind}}.Disguised()
	}
	require.False(t, says("apps/v1", "Deployment"))
	require.False(t, says("apps/v1beta2", "Deployment"))
	require.False(t, says("extensions/v1beta1", "Deployment"))
	require.True(t, says("apps/v1", "DaemonSet"))
	require.True(t, says("example.com/v1", "Deployment"))
}

// What a Patch leaves out is unknown, but for what says which object it is for.
func TestAPatchKnowsWhatItSays(t *testing.T) {
	r := Resource{Type: "kubernetes:apps/v1:DeploymentPatch", Properties: object{
		"metadata": object{"name": "a"},
		"spec": object{
			"selector":   object{"matchLabels": object{"a": "b"}},
			"containers": []any{object{"name": "c", "args": []any{object{}}}}, "ingress": []any{object{}}, "nothing": nil,
		},
	}}
	require.False(t, r.At("spec", "replicas").Known())
	require.True(t, r.Stated("spec", "replicas").Absent())
	require.True(t, r.At("spec", "nothing").Absent())
	require.True(t, r.At("metadata", "namespace").Absent())
	require.False(t, r.At("metadata", "labels").Known())
	require.True(t, r.At("spec", "selector", "matchExpressions").Absent(), "a selector is replaced as a whole")
	container := r.At("spec", "containers").Items()[0]
	require.False(t, container.At("image").Known(), "containers are merged")
	require.True(t, container.At("args").Items()[0].At("a").Absent())
	require.True(t, r.At("spec", "ingress").Items()[0].At("from").Absent(), "rules are replaced as a whole")
	require.Equal(t, "DeploymentPatch a", r.String())
}

func TestPatched(t *testing.T) {
	meta := object{"name": "a", "namespace": "n"}
	base := Resource{Type: "kubernetes:apps/v1:Deployment", URN: "base", Properties: object{"kind": "Deployment", "metadata": meta, "spec": object{
		"replicas": 1.0, "selector": object{"a": "b"}, "ports": []any{object{"containerPort": 1.0, "protocol": "TCP"}},
		"containers": []any{object{"name": "x", "image": Secret{"i"}, "args": []any{"1", "2"}}, object{"name": "y"}}, "later": Unknown{},
	}}}
	patch := Resource{Type: "kubernetes:apps/v1beta2:DeploymentPatch", Properties: object{"metadata": meta, "spec": object{
		"paused": true, "selector": object{"c": "d"}, "ports": []any{object{"containerPort": 1.0, "name": "p"}, object{"containerPort": 2.0}},
		"containers": []any{object{"name": "x", "image": "j", "args": []any{"3"}}, object{"name": "z"}}, "later": object{"a": 1.0},
	}}}
	foreign := patch
	foreign.Properties = object{"metadata": object{"name": "b", "namespace": "n"}}
	g := Graph{patch, base, foreign}
	merged := g.Patched()
	require.Len(t, merged, 2)
	require.Equal(t, object{"kind": "Deployment", "metadata": meta, "spec": object{
		"replicas": 1.0, "paused": true, "selector": object{"c": "d"},
		"ports":      []any{object{"containerPort": 1.0, "protocol": "TCP", "name": "p"}, object{"containerPort": 2.0}},
		"containers": []any{object{"name": "x", "image": Secret{"j"}, "args": []any{"3"}}, object{"name": "y"}, object{"name": "z"}},
		"later":      Unknown{},
	}}, merged[0].Properties)
	require.Equal(t, foreign, merged[1])
	require.Equal(t, 1.0, base.Properties["spec"].(object)["replicas"], "the graph stays as it is")
	require.Len(t, merged.Of("Deployment"), 1)
	require.Len(t, merged.Patches("Deployment"), 1)
}
