package kube

import (
	"strings"
	"testing"

	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/internal/settings"
)

var client = k8s.Peer{Pods: pulumi.StringMap{"app": pulumi.String("client")}}

func TestPolicyRefusesWhatItDoesNotList(t *testing.T) {
	spec := Policy{NoDNS: true}.Spec(pulumi.StringMap{"app": pulumi.String("db")})
	require.Equal(t, pulumi.ToStringArray([]string{"Ingress", "Egress"}), spec.PolicyTypes)
	require.Empty(t, spec.Ingress)
	require.Empty(t, spec.Egress)
}

func TestPolicyAllowsCallersOnItsPort(t *testing.T) {
	rules := Policy{Open: []Opening{{Port: 5432, From: []k8s.Peer{client}}}}.ingress()
	require.Len(t, rules, 1)
	require.Empty(t, Policy{Open: []Opening{{From: []k8s.Peer{client}}}}.ingress(), "no port, no callers")
}

func TestPolicyKeepsMetricsFromTheOtherCallers(t *testing.T) {
	scraper := k8s.Peer{Pods: pulumi.StringMap{"app": pulumi.String("prometheus")}}
	rules := Policy{Open: []Opening{{Port: 8080, From: []k8s.Peer{client}}, {Port: 9090, From: []k8s.Peer{scraper}}}}.ingress()
	require.Equal(t, networkingv1.NetworkPolicyIngressRuleArray{
		&networkingv1.NetworkPolicyIngressRuleArgs{From: networkingv1.NetworkPolicyPeerArray{peerArgs(client)}, Ports: ports("TCP", 8080)},
		&networkingv1.NetworkPolicyIngressRuleArgs{From: networkingv1.NetworkPolicyPeerArray{peerArgs(scraper)}, Ports: ports("TCP", 9090)},
	}, rules)
	require.Len(t, Policy{Open: []Opening{{Port: 8080, From: []k8s.Peer{client}}, {Port: 9090}}}.ingress(), 1, "no scraper, no rule")
}

func TestPolicyAllowsDNSAndTargets(t *testing.T) {
	rules := Policy{To: []k8s.Target{{Peer: client, Port: 6379}}}.egress()
	require.Len(t, rules, 2)
	require.Equal(t, DNS(nil), rules[0])
	require.Nil(t, DNS(nil).To, "any address")
	require.Nil(t, APIServer(nil).To, "any address")
}

func TestPolicyAllowsTheResolversAlone(t *testing.T) {
	rules := Policy{Resolvers: []k8s.Peer{client}}.egress()
	require.Equal(t, networkingv1.NetworkPolicyEgressRuleArray{DNS([]k8s.Peer{client})}, rules)
	named := networkingv1.NetworkPolicyPeerArray{peerArgs(client)}
	require.Equal(t, named, DNS([]k8s.Peer{client}).To)
	require.Equal(t, named, APIServer([]k8s.Peer{client}).To)
}

func TestName(t *testing.T) {
	for value, want := range map[string]string{
		"email":                 "",
		"":                      "name: Required value",
		"E-mail":                `name: Invalid value: "E-mail": must be lower-case letters, digits and '-', with a letter or digit at both ends`,
		strings.Repeat("a", 60): `name: Invalid value: "` + strings.Repeat("a", 60) + `": must have at most 58 characters`,
	} {
		err := settings.Err(Name(field.NewPath("name"), value, "-long"))
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, want)
	}
}

func TestResourcesLeavesOutWhatIsEmpty(t *testing.T) {
	args := Resources(k8s.Resources{CPURequest: "100m", Memory: "1Gi"})
	require.Equal(t, pulumi.StringMap{"cpu": pulumi.String("100m"), "memory": pulumi.String("1Gi")}, args.Requests)
	require.Equal(t, pulumi.StringMap{"memory": pulumi.String("1Gi")}, args.Limits)
}
