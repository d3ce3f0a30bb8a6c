package kube

import (
	"testing"

	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/k8s"
)

func TestAnExporterIsForItsScrapersAlone(t *testing.T) {
	e := Exporter{Name: "redis-exporter", Port: 9121, PortName: "metrics", To: []k8s.Target{{Peer: client, Port: 6379}}}
	spec := func() *networkingv1.NetworkPolicySpecArgs {
		return e.Policy().Spec.(*networkingv1.NetworkPolicySpecArgs)
	}
	require.Empty(t, spec().Ingress, "nobody is named")
	require.Equal(t, pulumi.ToStringArray([]string{"Ingress", "Egress"}), spec().PolicyTypes)
	e.From = []k8s.Peer{client}
	require.Equal(t, networkingv1.NetworkPolicyIngressRuleArray{
		&networkingv1.NetworkPolicyIngressRuleArgs{From: networkingv1.NetworkPolicyPeerArray{peerArgs(client)}, Ports: ports("TCP", 9121)},
	}, spec().Ingress)
	require.Len(t, spec().Egress, 2, "DNS and the server")
}
