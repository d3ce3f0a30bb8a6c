package redis

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
	"github.com/scalestack/scalestack/components/k8s"
)

// What a server's objects are called says whose they are.
func TestEachServerHasItsObjects(t *testing.T) {
	record := run(t, &Args{Nodes: 3, Exporter: &Exporter{}, TLS: &k8s.TLS{Issuer: &k8s.Issuer{Name: "ca"}}})
	want := []string{"Secret redis-app"}
	for _, name := range []string{"redis", "redis-1", "redis-2"} {
		want = append(want,
			"Certificate "+name+"-tls", "ConfigMap "+name+"-config", "Deployment "+name, "NetworkPolicy "+name, "Secret "+name+"-acl", "Service "+name,
			"Deployment "+name+"-exporter", "NetworkPolicy "+name+"-exporter", "Secret "+name+"-exporter", "ServiceAccount "+name+"-exporter")
		text := func(kind, object, path string) string { return kubetest.Text(record.Get(t, kind, object), path) }
		const instance = `["app.kubernetes.io/instance"]`
		require.Equal(t, name, text("Deployment", name, "spec.selector.matchLabels"+instance))
		require.Equal(t, name, text("Service", name, "spec.selector"+instance))
		require.Equal(t, name, text("NetworkPolicy", name, "spec.podSelector.matchLabels"+instance))
		require.Equal(t, name+"-exporter", text("NetworkPolicy", name, "spec.ingress[0].from[0].podSelector.matchLabels"+instance))
		require.Equal(t, name, text("NetworkPolicy", name+"-exporter", "spec.egress[1].to[0].podSelector.matchLabels"+instance))
		require.Equal(t, name+".scalestack.svc.cluster.local", text("Certificate", name+"-tls", "spec.dnsNames[0]"))
		require.Equal(t, "rediss://"+name+".scalestack.svc.cluster.local:6380", text("Deployment", name+"-exporter", "spec.template.spec.containers[0].env[0].value"))
		require.Equal(t, name+"-acl", text("Deployment", name, "spec.template.spec.volumes[1].secret.secretName"))
	}
	require.ElementsMatch(t, want, record.Names())
	record.RequireParented(t, "redis")
	record.RequireNoPlainSecret(t, kubetest.Password)
}

func TestFurtherServersKeepApart(t *testing.T) {
	args := (&Args{Nodes: 2}).withDefaults()
	require.Nil(t, podSpec(server{"redis", 0}, args).TopologySpreadConstraints, "the first one's pod is as with one server")
	require.Len(t, podSpec(server{"redis", 1}, args).TopologySpreadConstraints, 2)
}

func TestTheAddressListsBothLayouts(t *testing.T) {
	addresses := []string{"a:1", "b:1", "c:1"}
	for want, args := range map[string]*Args{
		"a:1":             {},
		"a:1,b:1,c:1":     {Nodes: 3},
		"a:1;a:1,b:1,c:1": {Nodes: 1, AlsoInvalidate: 3},
		"a:1,b:1,c:1;a:1": {Nodes: 3, AlsoInvalidate: 1},
	} {
		a := args.withDefaults()
		require.Equal(t, strings.Count(want, "c")*2+1, a.Servers())
		require.Equal(t, want, list(a, addresses))
	}
}

// Each step names who restarts in it, which empties the server. Growing restarts those that
// have given keys away, once nobody reads them there; shrinking does so before anybody does.
// TestNothingStaleWhileTheNumberOfServersChanges of the user service is about the same rule.
func TestAServerForgetsBeforeAnotherLayoutReadsIt(t *testing.T) {
	marks := func(nodes, also int) (all [4]string) {
		a := (&Args{Nodes: nodes, AlsoInvalidate: also}).withDefaults()
		for number := range a.Servers() {
			all[number] = fmt.Sprint(annotations(server{"redis", number}, a, pulumi.String("sum"))[layoutAnnotation])
		}
		return all
	}
	const none = "<nil>"
	before := marks(1, 0)
	require.Equal(t, [4]string{none}, before, "as it was before there were several")
	for _, step := range []struct {
		nodes, also int
		restart     []int
	}{
		{1, 3, nil}, {3, 1, nil}, {3, 0, []int{0}},
		{3, 2, []int{0, 1}}, {2, 3, nil}, {2, 0, nil},
		{2, 4, nil}, {4, 2, nil}, {4, 0, []int{0, 1}},
		{4, 1, []int{0}}, {1, 4, nil}, {1, 0, nil},
	} {
		now := marks(step.nodes, step.also)
		var restart []int
		for number := range now {
			if before[number] != "" && now[number] != "" && before[number] != now[number] {
				restart = append(restart, number)
			}
		}
		require.Equal(t, step.restart, restart, step)
		before = now
	}
}

func TestServersAreValidated(t *testing.T) {
	for want, args := range map[string]*Args{
		"nodes: Invalid value: 33: must be between 1 and 32":                               {Nodes: 33},
		"alsoInvalidate: Invalid value: 33: must be between 0 and 32":                      {AlsoInvalidate: 33},
		"alsoInvalidate: Invalid value: 1: must be another number than nodes, or left out": {AlsoInvalidate: 1},
		"nodes: Invalid value: -1: must be between 1 and 32":                               {Nodes: -1},
		"": {Nodes: 3, AlsoInvalidate: 16},
	} {
		err := args.Validate()
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, want)
	}
	require.Equal(t, "-config", (&Args{}).withDefaults().longestSuffix())
	require.Equal(t, "-15-exporter", (&Args{Nodes: 2, AlsoInvalidate: 16, Exporter: &Exporter{}}).withDefaults().longestSuffix())
}

// One after the other, so that one server's keys are cold at a time.
func TestServersChangeOneAfterTheOther(t *testing.T) {
	record := run(t, &Args{Nodes: 3})
	for name, before := range map[string]string{"redis-1": "redis-deployment", "redis-2": "redis-1-deployment"} {
		found := false
		for _, urn := range record.Get(t, "Deployment", name).RegisterRPC.GetDependencies() {
			found = found || strings.HasSuffix(urn, "::"+before)
		}
		require.True(t, found, name)
	}
}
