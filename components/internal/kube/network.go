package kube

import (
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/k8s"
)

// Policy is what a NetworkPolicy allows to and from some pods. It refuses everything
// else, in both directions.
type Policy struct {
	// Open are the ports of the pods, that of their metrics among them.
	Open []Opening
	// To are the ports to which the pods may connect, beside DNS.
	To []k8s.Target
	// Resolvers are the only DNS servers that the pods may ask. Default: any.
	Resolvers []k8s.Peer
	// NoDNS refuses DNS as well, for pods that connect to nothing.
	NoDNS bool
}

// Opening is a port and who may connect to it. Without either it opens nothing.
type Opening struct {
	// Port is a number, or Name that of the containers' port: each pod is then open where
	// it listens, also those with another number that a rollout replaces.
	Port int
	Name string
	From []k8s.Peer
}

// Spec renders the policy for the pods with the given labels.
func (p Policy) Spec(pods pulumi.StringMapInput) *networkingv1.NetworkPolicySpecArgs {
	return &networkingv1.NetworkPolicySpecArgs{
		PodSelector: Match(pods),
		PolicyTypes: pulumi.ToStringArray([]string{"Ingress", "Egress"}),
		Ingress:     p.ingress(),
		Egress:      p.egress(),
	}
}

// Addition renders a policy beside the pods' own one. It says nothing about a direction
// without rules, nor about DNS, so that it never replaces a policy of their own.
func (p Policy) Addition(pods pulumi.StringMapInput) *networkingv1.NetworkPolicySpecArgs {
	p.NoDNS = true
	spec, types := &networkingv1.NetworkPolicySpecArgs{PodSelector: Match(pods)}, []string{}
	if rules := p.ingress(); len(rules) > 0 {
		spec.Ingress, types = rules, append(types, "Ingress")
	}
	if rules := p.egress(); len(rules) > 0 {
		spec.Egress, types = rules, append(types, "Egress")
	}
	spec.PolicyTypes = pulumi.ToStringArray(types)
	return spec
}

// Match renders a selector of exactly these labels.
func Match(labels pulumi.StringMapInput) *metav1.LabelSelectorArgs {
	if labels == nil {
		labels = pulumi.StringMap{}
	}
	return &metav1.LabelSelectorArgs{MatchLabels: labels}
}

func (p Policy) ingress() networkingv1.NetworkPolicyIngressRuleArray {
	rules := networkingv1.NetworkPolicyIngressRuleArray{}
	for _, opening := range p.Open {
		if opening.Port == 0 && opening.Name == "" || len(opening.From) == 0 {
			continue
		}
		rules = append(rules, &networkingv1.NetworkPolicyIngressRuleArgs{From: peersArgs(opening.From), Ports: opening.ports()})
	}
	return rules
}

func (o Opening) ports() networkingv1.NetworkPolicyPortArray {
	if o.Name != "" {
		return port("TCP", pulumi.String(o.Name))
	}
	return ports("TCP", o.Port)
}

func (p Policy) egress() networkingv1.NetworkPolicyEgressRuleArray {
	rules := networkingv1.NetworkPolicyEgressRuleArray{}
	if !p.NoDNS {
		rules = append(rules, DNS(p.Resolvers))
	}
	for _, target := range p.To {
		rules = append(rules, &networkingv1.NetworkPolicyEgressRuleArgs{
			To:    networkingv1.NetworkPolicyPeerArray{peerArgs(target.Peer)},
			Ports: ports("TCP", target.Port),
		})
	}
	return rules
}

// DNS allows port 53 of the resolvers, or of any address if there are none: DNS pods, a
// cache on the node or a host differ between clusters, and a wrong guess would cut off
// every connection.
func DNS(resolvers []k8s.Peer) *networkingv1.NetworkPolicyEgressRuleArgs {
	return egressRule(resolvers, append(ports("UDP", 53), ports("TCP", 53)...))
}

// APIServer allows the ports where the cluster's API server listens behind its Service,
// on the given servers or on any address if there are none: like resolvers, they differ
// between clusters.
func APIServer(servers []k8s.Peer) *networkingv1.NetworkPolicyEgressRuleArgs {
	return egressRule(servers, append(ports("TCP", 443), ports("TCP", 6443)...))
}

// egressRule allows the ports of some peers, or of everybody without any.
func egressRule(to []k8s.Peer, ports networkingv1.NetworkPolicyPortArray) *networkingv1.NetworkPolicyEgressRuleArgs {
	rule := &networkingv1.NetworkPolicyEgressRuleArgs{Ports: ports}
	if len(to) > 0 {
		rule.To = peersArgs(to)
	}
	return rule
}

// AnyAddress allows one port of whatever address.
func AnyAddress(port int) *networkingv1.NetworkPolicyEgressRuleArgs {
	return egressRule(nil, ports("TCP", port))
}

func peersArgs(peers []k8s.Peer) networkingv1.NetworkPolicyPeerArray {
	all := networkingv1.NetworkPolicyPeerArray{}
	for _, peer := range peers {
		all = append(all, peerArgs(peer))
	}
	return all
}

func peerArgs(p k8s.Peer) *networkingv1.NetworkPolicyPeerArgs {
	if p.CIDR != nil {
		return &networkingv1.NetworkPolicyPeerArgs{IpBlock: &networkingv1.IPBlockArgs{Cidr: p.CIDR.ToStringOutput()}}
	}
	args := &networkingv1.NetworkPolicyPeerArgs{PodSelector: Match(p.Pods)}
	if p.Namespaces != nil {
		args.NamespaceSelector = Match(p.Namespaces)
	}
	return args
}

func ports(protocol string, number int) networkingv1.NetworkPolicyPortArray {
	return port(protocol, pulumi.Int(number))
}

func port(protocol string, numberOrName pulumi.Input) networkingv1.NetworkPolicyPortArray {
	return networkingv1.NetworkPolicyPortArray{&networkingv1.NetworkPolicyPortArgs{
		Protocol: pulumi.String(protocol),
		Port:     numberOrName,
	}}
}
