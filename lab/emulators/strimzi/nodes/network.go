package nodes

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
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
			Selector: c.labels(), Ports: c.headlessPorts(),
		}},
	}
}

// headlessPorts follow KafkaCluster.getHeadlessServicePorts. Nothing listens on the agent's: Strimzi's agent is not in the
// emulator's image.
func (c *Cluster) headlessPorts() []corev1.ServicePort {
	all := []corev1.ServicePort{
		servicePort("tcp-ctrlplane", ControlPort), servicePort("tcp-replication", ReplicationPort), servicePort("tcp-kafkaagent", AgentPort),
	}
	for _, l := range c.Spec.Kafka.Listeners {
		all = append(all, servicePort("tcp-"+l.Name, l.Port))
	}
	return all
}

// NetworkPolicy lets nodes, Strimzi's own parts and the operator in, and to each listener whom the listener names
// (KafkaCluster.generateNetworkPolicy). Metrics are for everybody.
func (c *Cluster) NetworkPolicy() *networkingv1.NetworkPolicy {
	operator := networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: c.Operator}}
	inside := peer(c.labels())
	tools := []networkingv1.NetworkPolicyPeer{operator, inside}
	for _, name := range []string{c.EntityOperator(), c.Exporter(), c.Name + "-cruise-control"} {
		tools = append(tools, peer(map[string]string{api.NameLabel: name}))
	}
	rules := []networkingv1.NetworkPolicyIngressRule{
		{Ports: policyPorts(ControlPort), From: []networkingv1.NetworkPolicyPeer{inside}},
		{Ports: policyPorts(ReplicationPort), From: tools},
		{Ports: policyPorts(AgentPort), From: []networkingv1.NetworkPolicyPeer{operator}},
	}
	for _, l := range c.Spec.Kafka.Listeners {
		rules = append(rules, networkingv1.NetworkPolicyIngressRule{Ports: policyPorts(l.Port), From: l.NetworkPolicyPeers})
	}
	if c.Metrics != "" {
		rules = append(rules, networkingv1.NetworkPolicyIngressRule{Ports: policyPorts(MetricsPort)})
	}
	return &networkingv1.NetworkPolicy{ObjectMeta: c.Meta(c.Name + "-network-policy-kafka"), Spec: ingress(c.labels(), rules)}
}

func peer(labels map[string]string) networkingv1.NetworkPolicyPeer {
	return networkingv1.NetworkPolicyPeer{PodSelector: &metav1.LabelSelector{MatchLabels: labels}}
}

func ingress(pods map[string]string, rules []networkingv1.NetworkPolicyIngressRule) networkingv1.NetworkPolicySpec {
	return networkingv1.NetworkPolicySpec{
		PodSelector: metav1.LabelSelector{MatchLabels: pods},
		PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
		Ingress:     rules,
	}
}

func servicePort(name string, port int32) corev1.ServicePort {
	return corev1.ServicePort{Name: name, Port: port, TargetPort: intstr.FromInt32(port), Protocol: corev1.ProtocolTCP}
}

func policyPorts(port int32) []networkingv1.NetworkPolicyPort {
	protocol, number := corev1.ProtocolTCP, intstr.FromInt32(port)
	return []networkingv1.NetworkPolicyPort{{Protocol: &protocol, Port: &number}}
}

// DisruptionBudget keeps a drained machine from taking more nodes away than asked. It says so as a number that must
// stay: Kubernetes works out no maximum for pods of a controller that it does not know
// (PodDisruptionBudgetUtils.createCustomControllerPodDisruptionBudget).
func (c *Cluster) DisruptionBudget() *policyv1.PodDisruptionBudget {
	nodes, away := 0, int32(1)
	for _, p := range c.Pools {
		nodes += len(p.IDs)
	}
	if t := c.Spec.Kafka.Template; t != nil && t.PodDisruptionBudget != nil && t.PodDisruptionBudget.MaxUnavailable != nil {
		away = *t.PodDisruptionBudget.MaxUnavailable
	}
	least := intstr.FromInt32(max(0, int32(nodes)-away))
	return &policyv1.PodDisruptionBudget{
		ObjectMeta: c.Meta(c.Component()),
		Spec:       policyv1.PodDisruptionBudgetSpec{MinAvailable: &least, Selector: &metav1.LabelSelector{MatchLabels: c.labels()}},
	}
}

// ServiceAccount is that of the nodes' pods.
func (c *Cluster) ServiceAccount() *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: c.Meta(c.Component())}
}

// InitBinding lets the nodes' init containers read the machines' zones, where racks are asked for. It belongs to no
// namespace, so that nothing but the operator deletes it (KafkaCluster.generateClusterRoleBinding).
func (c *Cluster) InitBinding() *rbacv1.ClusterRoleBinding {
	meta := c.Meta("strimzi-" + c.Namespace + "-" + c.Name + "-kafka-init")
	meta.Namespace, meta.OwnerReferences = "", nil
	return &rbacv1.ClusterRoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "strimzi-kafka-broker"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: c.Component(), Namespace: c.Namespace}},
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
