package nodes

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
)

// Services are one that clients start from and one that gives each node a name, from before it is ready: nodes find
// each other by it.
func (c *Cluster) Services() []*corev1.Service {
	brokers := c.labels()
	brokers["strimzi.io/broker-role"] = "true"
	clients := []corev1.ServicePort{servicePort("tcp-replication", ReplicationPort)}
	for _, l := range c.Spec.Kafka.Listeners {
		clients = append(clients, servicePort("tcp-"+l.Name, l.Port))
	}
	return []*corev1.Service{
		{ObjectMeta: c.Meta(c.Bootstrap()), Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, Selector: brokers, Ports: clients}},
		{ObjectMeta: c.Meta(c.Brokers()), Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeClusterIP, ClusterIP: corev1.ClusterIPNone, PublishNotReadyAddresses: true,
			Selector: c.labels(), Ports: append([]corev1.ServicePort{servicePort("tcp-ctrlplane", ControlPort)}, clients...),
		}},
	}
}

func servicePort(name string, port int32) corev1.ServicePort {
	return corev1.ServicePort{Name: name, Port: port, TargetPort: intstr.FromInt32(port), Protocol: corev1.ProtocolTCP}
}

// NetworkPolicy lets nodes and the operator in, and to each listener whom the listener names.
func (c *Cluster) NetworkPolicy() *networkingv1.NetworkPolicy {
	inside := []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{MatchLabels: c.labels()}}}
	operator := networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: c.Operator}}
	rules := []networkingv1.NetworkPolicyIngressRule{
		{Ports: policyPorts(ControlPort), From: inside},
		{Ports: policyPorts(ReplicationPort), From: append([]networkingv1.NetworkPolicyPeer{operator}, inside...)},
	}
	for _, l := range c.Spec.Kafka.Listeners {
		rules = append(rules, networkingv1.NetworkPolicyIngressRule{Ports: policyPorts(l.Port), From: l.NetworkPolicyPeers})
	}
	return &networkingv1.NetworkPolicy{
		ObjectMeta: c.Meta(c.Name + "-network-policy-kafka"),
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: c.labels()},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
			Ingress:     rules,
		},
	}
}

func policyPorts(port int32) []networkingv1.NetworkPolicyPort {
	protocol, number := corev1.ProtocolTCP, intstr.FromInt32(port)
	return []networkingv1.NetworkPolicyPort{{Protocol: &protocol, Port: &number}}
}

// DisruptionBudget keeps a drained machine from taking more nodes away than asked.
func (c *Cluster) DisruptionBudget() *policyv1.PodDisruptionBudget {
	most := intstr.FromInt32(1)
	if t := c.Spec.Kafka.Template; t != nil && t.PodDisruptionBudget != nil {
		most = t.PodDisruptionBudget.MaxUnavailable
	}
	return &policyv1.PodDisruptionBudget{
		ObjectMeta: c.Meta(c.Name + "-kafka"),
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable: &most,
			Selector:       &metav1.LabelSelector{MatchLabels: c.labels()},
		},
	}
}

// Listeners is the status of the listeners, with the certificate that clients check the nodes with.
func (c *Cluster) Listeners(ca string) []api.ListenerStatus {
	var all []api.ListenerStatus
	for _, l := range c.Spec.Kafka.Listeners {
		status := api.ListenerStatus{
			Name:             l.Name,
			Addresses:        []api.Address{{Host: c.BootstrapHost(), Port: l.Port}},
			BootstrapServers: fmt.Sprintf("%s:%d", c.BootstrapHost(), l.Port),
		}
		if l.TLS {
			status.Certificates = []string{ca}
		}
		all = append(all, status)
	}
	return all
}
