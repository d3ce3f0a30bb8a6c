package nodes

import (
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
)

// Containers of the entity operator's pod.
const (
	TopicOperator = "topic-operator"
	UserOperator  = "user-operator"
)

// EntityIdentity is the name in the certificates of the topic operator and the user operator.
func EntityIdentity(container string) string { return "entity-" + container }

// EntityOperator is the name of the Deployment, its account, its role and its network policy.
func (c *Cluster) EntityOperator() string { return c.Name + "-entity-operator" }

// EntitySecret has the certificate of the topic operator or the user operator.
func (c *Cluster) EntitySecret(container string) string {
	return c.Name + "-entity-" + container + "-certs"
}

// EntityLabels select the entity operator's pod.
func (c *Cluster) EntityLabels() map[string]string {
	return c.partLabels(c.EntityOperator())
}

// partLabels select the pod of one of the cluster's parts beside its nodes.
func (c *Cluster) partLabels(part string) map[string]string {
	return map[string]string{api.ClusterLabel: c.Name, api.KindLabel: api.KafkaKind, api.NameLabel: part}
}

// Operators are the containers of the entity operator that the resource asks for.
func (c *Cluster) Operators() []string {
	var all []string
	if e := c.Spec.EntityOperator; e != nil {
		if e.TopicOperator != nil {
			all = append(all, TopicOperator)
		}
		if e.UserOperator != nil {
			all = append(all, UserOperator)
		}
	}
	return all
}

// Entity are the entity operator's objects (EntityOperatorReconciler). None without an operator.
func (c *Cluster) Entity() []client.Object {
	if len(c.Operators()) == 0 {
		return nil
	}
	all := []client.Object{
		&corev1.ServiceAccount{ObjectMeta: c.entityMeta(c.EntityOperator())},
		&rbacv1.Role{ObjectMeta: c.entityMeta(c.EntityOperator()), Rules: entityRules()},
	}
	var rules []networkingv1.NetworkPolicyIngressRule
	for _, container := range c.Operators() {
		all = append(all, c.entityBinding(container))
		rules = append(rules, networkingv1.NetworkPolicyIngressRule{Ports: policyPorts(healthPort(container))})
	}
	policy := &networkingv1.NetworkPolicy{ObjectMeta: c.entityMeta(c.EntityOperator()), Spec: ingress(c.EntityLabels(), rules)}
	return append(all, policy, c.entityDeployment())
}

func (c *Cluster) entityMeta(name string) metav1.ObjectMeta {
	meta := c.Meta(name)
	meta.Labels = c.EntityLabels()
	return meta
}

// entityRules are those of Strimzi's ClusterRole strimzi-entity-operator.
func entityRules() []rbacv1.PolicyRule {
	const group = "kafka.strimzi.io"
	watch := []string{"get", "list", "watch", "create", "patch", "update"}
	return []rbacv1.PolicyRule{
		{APIGroups: []string{group}, Resources: []string{"kafkatopics"}, Verbs: append(watch[:6:6], "delete")},
		{APIGroups: []string{group}, Resources: []string{"kafkausers"}, Verbs: watch},
		{APIGroups: []string{group}, Resources: []string{"kafkatopics/status", "kafkausers/status"}, Verbs: []string{"get", "patch", "update"}},
		{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: append(watch[:6:6], "delete")},
	}
}

func (c *Cluster) entityBinding(container string) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{
		ObjectMeta: c.entityMeta(c.Name + "-entity-" + container + "-role"),
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: c.EntityOperator()},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: c.EntityOperator(), Namespace: c.Namespace}},
	}
}

func (c *Cluster) entityDeployment() *appsv1.Deployment {
	one, labels := int32(1), c.EntityLabels()
	pod := maps.Clone(labels)
	pod["strimzi.io/component-type"] = "entity-operator"
	spec := corev1.PodSpec{
		ImagePullSecrets:             c.Spec.EntityOperator.Template.Pod.ImagePullSecrets,
		ServiceAccountName:           c.EntityOperator(),
		AutomountServiceAccountToken: new(bool),
		EnableServiceLinks:           new(bool),
		SecurityContext:              restricted(),
		Volumes:                      []corev1.Volume{secretVolume("cluster-ca-certs", c.CASecret())},
	}
	e := c.Spec.EntityOperator
	for _, container := range c.Operators() {
		part, template := e.TopicOperator, e.Template.TopicOperatorContainer
		if container == UserOperator {
			part, template = e.UserOperator, e.Template.UserOperatorContainer
		}
		spec.Containers = append(spec.Containers, c.entityContainer(container, part, template))
		spec.Volumes = append(spec.Volumes, secretVolume(container+"-certs", c.EntitySecret(container)))
	}
	return &appsv1.Deployment{
		ObjectMeta: c.entityMeta(c.EntityOperator()),
		Spec: appsv1.DeploymentSpec{
			Replicas: &one,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Strategy: appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: pod, Annotations: map[string]string{Emulator: EmulatorText}}, Spec: spec,
			},
		},
	}
}

// entityContainer only waits: the emulator does the container's work for as long as it is ready.
func (c *Cluster) entityContainer(name string, part *api.Operator, template api.ContainerTemplate) corev1.Container {
	container := corev1.Container{
		Name: name, Image: c.Image, ImagePullPolicy: corev1.PullIfNotPresent,
		// A shell that ends at once when it is told to; sleep as the first process would not.
		Command:         []string{"bash", "-c", "trap 'exit 0' TERM; sleep infinity & wait"},
		Env:             template.Env,
		SecurityContext: security(template.SecurityContext),
		Ports:           []corev1.ContainerPort{tcp("healthcheck", healthPort(name))},
		VolumeMounts: []corev1.VolumeMount{
			{Name: "cluster-ca-certs", MountPath: "/etc/tls-sidecar/cluster-ca-certs/", ReadOnly: true},
			{Name: name + "-certs", MountPath: "/etc/" + name + "-certs/", ReadOnly: true},
		},
	}
	if part.Resources != nil {
		container.Resources = *part.Resources
	}
	return container
}

func healthPort(container string) int32 {
	if container == TopicOperator {
		return 8080
	}
	return 8081
}
