package kafka

import (
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
)

// clusterLabels are on every pod of the cluster.
func clusterLabels(name string) pulumi.StringMap {
	return pulumi.StringMap{"strimzi.io/cluster": pulumi.String(name)}
}

// BrokerLabels are the labels by which others select the nodes of the component
// with this name, for example a client in its network policy. They are known
// before the component is made.
func BrokerLabels(name string) pulumi.StringMap {
	labels := clusterLabels(name)
	labels["strimzi.io/name"] = pulumi.String(name + "-kafka")
	return labels
}

// nodesOf are the pods of one cluster, in the policy's namespace.
func nodesOf(cluster string) *networkingv1.NetworkPolicyPeerArgs {
	return &networkingv1.NetworkPolicyPeerArgs{PodSelector: kube.Match(clusterLabels(cluster))}
}

// allNodes are the pods of every cluster, in every namespace.
func allNodes() *networkingv1.NetworkPolicyPeerArgs {
	return &networkingv1.NetworkPolicyPeerArgs{
		NamespaceSelector: &metav1.LabelSelectorArgs{},
		PodSelector: &metav1.LabelSelectorArgs{MatchExpressions: metav1.LabelSelectorRequirementArray{
			&metav1.LabelSelectorRequirementArgs{Key: pulumi.String("strimzi.io/cluster"), Operator: pulumi.String("Exists")},
		}},
	}
}

// egressPolicy lets pods reach the cluster's nodes, DNS and the API server. It
// says nothing of callers: Strimzi's own policies do.
func egressPolicy(name, cluster string, pods pulumi.StringMap, nodes *networkingv1.NetworkPolicyPeerArgs, a *Args) *networkingv1.NetworkPolicyArgs {
	labels := kube.Labels{Name: "kafka", Instance: cluster}
	return &networkingv1.NetworkPolicyArgs{
		Metadata: labels.Meta(name, a.Namespace),
		Spec: &networkingv1.NetworkPolicySpecArgs{
			PodSelector: kube.Match(pods),
			PolicyTypes: pulumi.ToStringArray([]string{"Egress"}),
			Egress: networkingv1.NetworkPolicyEgressRuleArray{
				kube.DNS(a.Resolvers),
				kube.APIServer(a.APIServers),
				&networkingv1.NetworkPolicyEgressRuleArgs{To: networkingv1.NetworkPolicyPeerArray{nodes}},
			},
		},
	}
}
