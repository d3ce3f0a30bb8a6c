package postgres

import (
	"slices"
	"strings"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	rbacv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/rbac/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/k8s"
)

// patroniCredentials name the Secret with the part of Patroni's configuration that has
// passwords.
const patroniCredentials = "patroni"

// patroniLogins is its key with that part.
const patroniLogins = "logins.yml"

// MembersAnnotation on a shard's ConfigMap is Args.Members, if above 1: it tells the next
// deployment how many there were. Members that a gate refused are not among them.
const MembersAnnotation = "scalestack/members"

// maxMembers is the range of Args.Members.
const maxMembers = 5

// What Patroni keeps in Endpoints beside the lock, which is in those of the primary's
// Service: the configuration that the members share, which of them have every
// acknowledged commit, and a switchover that an operator has asked for or planned.
var patroniState = []string{"-config", "-sync", "-failover"}

// MembersOf returns how many members a shard has a volume claim for, by the names of claims: 0 if it has none. Claims
// outlive a destroy and a lost state.
func MembersOf(component string, shard int, claims []string) int {
	for members := maxMembers; members > 0; members-- {
		if slices.Contains(claims, plan{component: component, id: shard, member: members - 1}.claim()) {
			return members
		}
	}
	return 0
}

// HasClaim reports whether a volume claim of this name is one of a shard's members.
func HasClaim(component, claim string) bool {
	return strings.HasPrefix(claim, "data-"+component+"-shard-")
}

// primaryService has no selector: Patroni writes the primary's address together with
// the lock, so no client is sent to a primary that has lost it.
func primaryService(p plan) *corev1.ServiceArgs {
	meta := p.labels().Meta(p.object(), p.Namespace)
	meta.Annotations = kube.SkipAwait()
	return &corev1.ServiceArgs{
		Metadata: meta,
		Spec:     &corev1.ServiceSpecArgs{Type: pulumi.String("ClusterIP"), Ports: servicePorts()},
	}
}

func (p plan) replicas() string { return p.object() + "-replicas" }

// replicaService leads to the standbys, whose rows may be some time behind.
func replicaService(p plan) *corev1.ServiceArgs {
	selector := p.labels().Selector()
	selector[roleLabel] = pulumi.String("replica")
	meta := p.labels().Meta(p.replicas(), p.Namespace)
	meta.Annotations = kube.SkipAwait()
	return &corev1.ServiceArgs{
		Metadata: meta,
		Spec: &corev1.ServiceSpecArgs{
			Type: pulumi.String("ClusterIP"), Selector: selector, Ports: servicePorts(),
		},
	}
}

// stateService keeps Endpoints that Patroni writes: Kubernetes removes those without a
// Service of their name. It goes when the last of the shard's claims goes: to come back
// over kept volumes takes what Patroni knew of them, to begin with empty ones takes
// that nothing is left of it.
func stateService(p plan, suffix string, claims []*corev1.PersistentVolumeClaim) *corev1.ServiceArgs {
	meta := p.labels().Meta(p.object()+suffix, p.Namespace)
	meta.Annotations = keptAnnotations()
	meta.OwnerReferences = owners(claims)
	return &corev1.ServiceArgs{
		Metadata: meta,
		Spec:     &corev1.ServiceSpecArgs{ClusterIP: pulumi.String("None")},
	}
}

// owners leave out what has no identity: objects that are written to files belong to nobody.
func owners(claims []*corev1.PersistentVolumeClaim) metav1.OwnerReferenceArrayOutput {
	var metadata []any
	for _, claim := range claims {
		metadata = append(metadata, claim.Metadata)
	}
	return pulumi.All(metadata...).ApplyT(func(all []any) (owners []metav1.OwnerReference) {
		for _, one := range all {
			if claim := one.(metav1.ObjectMeta); claim.Uid != nil && *claim.Uid != "" {
				owners = append(owners, metav1.OwnerReference{ApiVersion: "v1", Kind: "PersistentVolumeClaim", Name: *claim.Name, Uid: *claim.Uid})
			}
		}
		return owners
	}).(metav1.OwnerReferenceArrayOutput)
}

// role lets the members of one shard write their own state and nobody else's. Kubernetes
// cannot limit lists, watches and creations to names.
func role(p plan) *rbacv1.RoleArgs {
	names := []string{p.object()}
	for _, suffix := range patroniState {
		names = append(names, p.object()+suffix)
	}
	var pods []string
	for i := range p.Members {
		pods = append(pods, p.of(i).pod())
	}
	rule := func(group, resource string, names []string, verbs ...string) *rbacv1.PolicyRuleArgs {
		made := &rbacv1.PolicyRuleArgs{
			ApiGroups: pulumi.ToStringArray([]string{group}), Resources: pulumi.ToStringArray([]string{resource}),
			Verbs: pulumi.ToStringArray(verbs),
		}
		if names != nil {
			made.ResourceNames = pulumi.ToStringArray(names)
		}
		return made
	}
	rules := rbacv1.PolicyRuleArray{
		rule("", "endpoints", nil, "create", "get", "list", "watch"),
		rule("", "endpoints", names, "patch", "update"),
		rule("", "pods", nil, "get", "list", "watch"),
		rule("", "pods", pods, "patch"),
		rule("discovery.k8s.io", "endpointslices", nil, "deletecollection"),
	}
	if p.restores() {
		// The first member ends the others, which have the data of before.
		rules = append(rules, rule("", "pods", pods[1:], "delete"))
	}
	return &rbacv1.RoleArgs{Metadata: p.labels().Meta(p.object(), p.Namespace), Rules: rules}
}

func roleBinding(p plan) *rbacv1.RoleBindingArgs {
	return &rbacv1.RoleBindingArgs{
		Metadata: p.labels().Meta(p.object(), p.Namespace),
		RoleRef: &rbacv1.RoleRefArgs{
			ApiGroup: pulumi.String("rbac.authorization.k8s.io"), Kind: pulumi.String("Role"), Name: pulumi.String(p.object()),
		},
		Subjects: rbacv1.SubjectArray{&rbacv1.SubjectArgs{
			Kind: pulumi.String("ServiceAccount"), Name: pulumi.String(p.object()), Namespace: p.Namespace.ToStringOutput(),
		}},
	}
}

// patroniSecret has a second file for pods of earlier releases, which follow as the superuser until
// they are replaced. Another login would reach them before their primary knows its role.
func patroniSecret(p plan, admin, replicator pulumi.StringInput, rest []pulumi.StringInput) *corev1.SecretArgs {
	return &corev1.SecretArgs{
		Metadata: p.labels().Meta(p.secret(patroniCredentials), p.Namespace),
		StringData: pulumi.StringMap{
			patroniLogins: patroniSecretsOf(p.Args, admin, replicatorRole, replicator, rest),
			"patroni.yml": patroniSecretsOf(p.Args, admin, AdminRole, admin, rest),
		},
	}
}

// shardBudget lets a drain take one member at a time; nil if there is to be none. The pod of a
// shard that had one member belongs to the budget of all shards until it is replaced.
func shardBudget(p plan) *policyv1.PodDisruptionBudgetArgs {
	return budget(p.Disruption, p.labels().Meta(p.object(), p.Namespace), p.labels().Selector(), "Exists")
}

// openForPatroni lets the members ask each other, and the API server, where the lock is, and a rollout's Jobs whether
// Patroni is paused.
func openForPatroni(policy *networkingv1.NetworkPolicyArgs, component string, a *Args) {
	shards := k8s.Peer{Pods: PodLabels(component)}
	spec := policy.Spec.(*networkingv1.NetworkPolicySpecArgs)
	rest := kube.Policy{Open: []kube.Opening{{Port: restPort, From: []k8s.Peer{shards, {Pods: rolloutPods(component)}}}}, To: []k8s.Target{{Peer: shards, Port: restPort}}, NoDNS: true}.Spec(nil)
	spec.Ingress = append(spec.Ingress.(networkingv1.NetworkPolicyIngressRuleArray), rest.Ingress.(networkingv1.NetworkPolicyIngressRuleArray)...)
	spec.Egress = append(append(spec.Egress.(networkingv1.NetworkPolicyEgressRuleArray),
		rest.Egress.(networkingv1.NetworkPolicyEgressRuleArray)...), kube.APIServer(a.APIServers))
}
