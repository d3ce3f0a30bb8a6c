package kube

import (
	"net/netip"

	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/internal/check"
)

// Peer is who may call, or whom a pod may call.
type Peer struct {
	// Pods are labels that the peer's pods carry.
	Pods map[string]string
	// Namespaces are labels of the namespaces where those pods run. Default:
	// the namespace of the policy.
	Namespaces map[string]string
	// CIDR is an address range outside the cluster, for example
	// "203.0.113.0/24". It excludes Pods and Namespaces.
	CIDR string
}

// Target is a peer's port that a pod may call.
type Target struct {
	Peer
	// Port is the peer's TCP port as its pods listen on it, 1 to 65535.
	Port int
}

// Validate records a peer that names nobody, or that mixes an address range
// with labels.
func (p Peer) Validate(errs *check.Errors, path string) {
	labelled := len(p.Pods)+len(p.Namespaces) > 0
	switch {
	case p.CIDR == "" && !labelled:
		errs.Addf(path, "names no pods, no namespaces and no cidr")
	case p.CIDR != "" && labelled:
		errs.Addf(path, "has cidr %s together with pods or namespaces", p.CIDR)
	case p.CIDR != "":
		if _, err := netip.ParsePrefix(p.CIDR); err != nil {
			errs.Addf(path+".cidr", "%q is not an address range such as 203.0.113.0/24", p.CIDR)
		}
	}
}

// Validate records a wrong peer or port.
func (t Target) Validate(errs *check.Errors, path string) {
	t.Peer.Validate(errs, path)
	errs.Range(path+".port", t.Port, 1, 65535)
}

// Policy is what a NetworkPolicy lets through to and from some pods. Whatever
// it does not list is refused, in both directions.
type Policy struct {
	// Port is where From may call. 0: nobody may.
	Port int
	// From are the callers.
	From []Peer
	// To are the servers that the pods call. DNS is always allowed on top.
	To []Target
	// NoDNS takes the resolver away, for pods that call nobody.
	NoDNS bool
}

// Spec renders the policy for the pods with the given labels.
func (p Policy) Spec(pods map[string]string) *networkingv1.NetworkPolicySpecArgs {
	return &networkingv1.NetworkPolicySpecArgs{
		PodSelector: Match(pods),
		PolicyTypes: pulumi.ToStringArray([]string{"Ingress", "Egress"}),
		Ingress:     p.ingress(),
		Egress:      p.egress(),
	}
}

// Match renders a selector of exactly these labels.
func Match(labels map[string]string) *metav1.LabelSelectorArgs {
	return &metav1.LabelSelectorArgs{MatchLabels: pulumi.ToStringMap(labels)}
}

func (p Policy) ingress() networkingv1.NetworkPolicyIngressRuleArray {
	rules := networkingv1.NetworkPolicyIngressRuleArray{}
	if p.Port == 0 || len(p.From) == 0 {
		return rules
	}
	from := networkingv1.NetworkPolicyPeerArray{}
	for _, peer := range p.From {
		from = append(from, peer.args())
	}
	return append(rules, &networkingv1.NetworkPolicyIngressRuleArgs{From: from, Ports: ports("TCP", p.Port)})
}

func (p Policy) egress() networkingv1.NetworkPolicyEgressRuleArray {
	rules := networkingv1.NetworkPolicyEgressRuleArray{}
	if !p.NoDNS {
		rules = append(rules, DNS())
	}
	for _, target := range p.To {
		rules = append(rules, &networkingv1.NetworkPolicyEgressRuleArgs{
			To:    networkingv1.NetworkPolicyPeerArray{target.args()},
			Ports: ports("TCP", target.Port),
		})
	}
	return rules
}

// DNS allows port 53 wherever the resolver lives: pods, a cache on the node or
// a host differ between clusters, and a wrong guess cuts every connection.
func DNS() *networkingv1.NetworkPolicyEgressRuleArgs {
	return &networkingv1.NetworkPolicyEgressRuleArgs{
		Ports: append(ports("UDP", 53), ports("TCP", 53)...),
	}
}

func (p Peer) args() *networkingv1.NetworkPolicyPeerArgs {
	if p.CIDR != "" {
		return &networkingv1.NetworkPolicyPeerArgs{IpBlock: &networkingv1.IPBlockArgs{Cidr: pulumi.String(p.CIDR)}}
	}
	args := &networkingv1.NetworkPolicyPeerArgs{PodSelector: Match(p.Pods)}
	if len(p.Namespaces) > 0 {
		args.NamespaceSelector = Match(p.Namespaces)
	}
	return args
}

func ports(protocol string, number int) networkingv1.NetworkPolicyPortArray {
	return networkingv1.NetworkPolicyPortArray{&networkingv1.NetworkPolicyPortArgs{
		Protocol: pulumi.String(protocol),
		Port:     pulumi.Int(number),
	}}
}
