package namespace

import (
	"fmt"

	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/k8s"
)

// Opening lets some pods be connected to by From, or connect to To.
type Opening struct {
	// Pods are the labels of the pods.
	Pods pulumi.StringMap
	// From may connect to the pods' Ports, or to the one that their containers call PortName.
	From     []k8s.Peer
	Ports    []int
	PortName string
	// To is where the pods may connect.
	To []k8s.Target
}

// Open registers a NetworkPolicy with this name, beside the one that the pods have from
// their component. Policies add up, and Pulumi deletes what a program leaves out at the
// very end of an update. So what a separate opening allows stays allowed as long as
// something may use it, while a policy that is updated in place closes first.
func (n *Namespace) Open(ctx *pulumi.Context, name string, o Opening) (pulumi.Resource, error) {
	made, err := networkingv1.NewNetworkPolicy(ctx, name, &networkingv1.NetworkPolicyArgs{
		Metadata: n.labels.Meta(name, n.Name),
		Spec:     o.policy().Addition(o.Pods),
	}, pulumi.Parent(n))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return made, nil
}

func (o Opening) policy() kube.Policy {
	policy := kube.Policy{To: o.To}
	if o.PortName != "" {
		policy.Open = []kube.Opening{{Name: o.PortName, From: o.From}}
	}
	for _, port := range o.Ports {
		policy.Open = append(policy.Open, kube.Opening{Port: port, From: o.From})
	}
	return policy
}
