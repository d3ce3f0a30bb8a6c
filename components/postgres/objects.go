package postgres

import (
	"slices"
	"strconv"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/k8s"
)

const (
	// FormerKey of a shard's Secret has the passwords that a server may have which a rotation has not reached, each on a line
	// of its own.
	FormerKey = "former"
	// rotationKey of the application's Secret tells which rotation it is of.
	rotationKey = "rotation"
)

// adminCredentials are the superuser's and, under names of their own, those of migrations and moves: each has a login of its
// own on each shard.
func adminCredentials(p plan, passwords, seeds []pulumi.StringInput) *corev1.SecretArgs {
	args := credentials(p, AdminCredentials, AdminRole, passwords)
	data := args.StringData.(pulumi.StringMap)
	for login, role := range logins {
		var derived []pulumi.StringInput
		for _, seed := range seeds {
			derived = append(derived, loginsOf(p, seed)[role])
		}
		data[login+"-username"], data[login+"-password"] = pulumi.String(role), derived[0]
		if p.hasFormer() {
			data[login+"-"+FormerKey] = lines(derived[1:])
		}
	}
	return args
}

// loginsOf are the passwords that a shard has of a seed, by role.
func loginsOf(p plan, seed pulumi.StringInput) pulumi.StringMap {
	all := pulumi.StringMap{}
	for _, role := range logins {
		all[role] = kube.Derived(seed, ShardName(p.id)+"/"+role)
	}
	return all
}

// credentials have the present password and those of before.
func credentials(p plan, secret, role string, passwords []pulumi.StringInput) *corev1.SecretArgs {
	data := pulumi.StringMap{"username": pulumi.String(role), "password": passwords[0]}
	if p.hasFormer() {
		data[FormerKey] = lines(passwords[1:])
	}
	if p.hasFormer() && secret == AppCredentials {
		data[rotationKey] = pulumi.String(strconv.Itoa(p.PasswordRotation))
	}
	return &corev1.SecretArgs{
		Metadata:   p.labels().Meta(p.secret(secret), p.Namespace),
		Type:       pulumi.String("kubernetes.io/basic-auth"),
		StringData: data,
	}
}

func lines(values []pulumi.StringInput) pulumi.StringOutput {
	text := pulumi.Sprintf("")
	for _, value := range values {
		text = pulumi.Sprintf("%s%s\n", text, value)
	}
	return text
}

func configMap(p plan, rollout pulumi.StringInput) *corev1.ConfigMapArgs {
	data := pulumi.ToStringMap(mountedFiles(p))
	data["rollout"] = rollout
	meta := p.labels().Meta(p.configMap(), p.Namespace)
	if p.replicated() {
		meta.Annotations = pulumi.StringMap{MembersAnnotation: pulumi.String(strconv.Itoa(p.Members))}
	}
	return &corev1.ConfigMapArgs{Metadata: meta, Data: data}
}

// statefulSet holds one pod. Its serviceName, selector, podManagementPolicy and
// revisionHistoryLimit are never derived from an argument: Kubernetes or Pulumi
// would delete the set to change them. Parallel management lets a mended
// template replace a pod that never became ready.
func statefulSet(p plan, checksum pulumi.StringInput) *appsv1.StatefulSetArgs {
	meta := p.labels().Meta(p.set(), p.Namespace)
	meta.Annotations = p.annotations(kube.AwaitFor(p.RolloutTimeoutSeconds))
	return &appsv1.StatefulSetArgs{
		Metadata: meta,
		Spec: &appsv1.StatefulSetSpecArgs{
			Replicas:             pulumi.Int(1),
			ServiceName:          pulumi.String(p.headless()),
			Selector:             kube.Match(p.selector()),
			PodManagementPolicy:  pulumi.String("Parallel"),
			RevisionHistoryLimit: pulumi.Int(10),
			UpdateStrategy:       &appsv1.StatefulSetUpdateStrategyArgs{Type: pulumi.String("RollingUpdate")},
			Template: &corev1.PodTemplateSpecArgs{
				Metadata: podMeta(p, checksum),
				Spec:     podSpec(p),
			},
		},
	}
}

func clientService(p plan) *corev1.ServiceArgs {
	if p.replicated() {
		return primaryService(p)
	}
	return &corev1.ServiceArgs{
		Metadata: kube.AwaitedByPods(p.labels().Meta(p.object(), p.Namespace)),
		Spec: &corev1.ServiceSpecArgs{
			Type:     pulumi.String("ClusterIP"),
			Selector: p.labels().Selector(),
			Ports:    servicePorts(),
		},
	}
}

func headlessService(p plan) *corev1.ServiceArgs {
	return &corev1.ServiceArgs{
		Metadata: p.labels().Meta(p.headless(), p.Namespace),
		Spec: &corev1.ServiceSpecArgs{
			ClusterIP:                pulumi.String("None"),
			PublishNotReadyAddresses: pulumi.Bool(true),
			Selector:                 p.labels().Selector(),
			Ports:                    servicePorts(),
		},
	}
}

func servicePorts() corev1.ServicePortArray {
	return corev1.ServicePortArray{&corev1.ServicePortArgs{
		Name:       pulumi.String("postgres"),
		Port:       pulumi.Int(Port),
		TargetPort: pulumi.String("postgres"),
		Protocol:   pulumi.String("TCP"),
	}}
}

// disruptionBudget covers all shards at once, so that drains of several nodes take one
// shard at a time; nil for no budget. A pod that is not ready may always go, because
// moving may be its cure.
func disruptionBudget(component string, a *Args) *policyv1.PodDisruptionBudgetArgs {
	return budget(a.Disruption, componentLabels(component).Meta(component, a.Namespace), PodLabels(component), "DoesNotExist")
}

// budget is for pods whose role's label, which members have from their template on, Exists or
// DoesNotExist. While shards get members both kinds are there, and a pod with two budgets can
// never be moved.
func budget(disruption Disruption, meta *metav1.ObjectMetaArgs, pods pulumi.StringMap, role string) *policyv1.PodDisruptionBudgetArgs {
	unavailable := map[Disruption]int{DisruptOne: 1, DisruptNone: 0}
	count, wanted := unavailable[disruption]
	if !wanted {
		return nil
	}
	return &policyv1.PodDisruptionBudgetArgs{
		Metadata: meta,
		Spec: &policyv1.PodDisruptionBudgetSpecArgs{
			MaxUnavailable:             pulumi.Int(count),
			UnhealthyPodEvictionPolicy: pulumi.String("AlwaysAllow"),
			Selector: &metav1.LabelSelectorArgs{
				MatchLabels: pods,
				MatchExpressions: metav1.LabelSelectorRequirementArray{
					&metav1.LabelSelectorRequirementArgs{Key: pulumi.String(roleLabel), Operator: pulumi.String(role)},
				},
			},
		},
	}
}

// networkPolicy lets IngressFrom in, the shards to each other, since data moves by
// replication from shard to shard, the Jobs that watch a rollout, and the exporter.
func networkPolicy(component string, a *Args) *networkingv1.NetworkPolicyArgs {
	shards := k8s.Peer{Pods: PodLabels(component)}
	policy := kube.Policy{
		Open: []kube.Opening{{
			Port: Port, From: slices.Concat([]k8s.Peer{shards, {Pods: rolloutPods(component)}}, exporterPeers(component, a), a.IngressFrom),
		}},
		To: []k8s.Target{{Peer: shards, Port: Port}}, Resolvers: a.Resolvers,
	}
	made := &networkingv1.NetworkPolicyArgs{
		Metadata: componentLabels(component).Meta(component, a.Namespace),
		Spec:     policy.Spec(PodLabels(component)),
	}
	if a.Members > 1 {
		openForPatroni(made, component, a)
	}
	if a.Backup != nil {
		openForBackup(made, a.Backup)
	}
	return made
}

// componentLabels are for the objects that belong to all shards.
func componentLabels(component string) kube.Labels {
	return kube.Labels{Name: component, Instance: component}
}
