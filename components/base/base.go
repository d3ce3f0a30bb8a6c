// Package base makes what everything else stands on: the namespace, which
// enforces the Pod Security Standard "restricted", a network policy that
// refuses whatever no other policy allows, and the shard map for all pods.
//
//	b, err := base.New(ctx, "base", &base.Args{
//		Namespace: "scalestack",
//		ShardMap:  string(encoded),
//	}, pulumi.Providers(cluster))
//
// # The namespace outlives the stack
//
// Deleting a namespace deletes the volume claims in it, so a destroy would
// take all data with it whatever the claims' own policy says. The namespace is
// therefore retained on destroy. The next deployment adopts it: the provider
// creates objects with a server-side apply, which takes an existing object
// over, and the fixed field manager makes it the owner of the very fields that
// it owned before.
package base

import (
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/internal/check"
)

const (
	// shardMapPrefix is the ConfigMap's name but for the hash.
	shardMapPrefix = "shard-map-"
	hashLength     = 8
	// ShardMapKey is the file in the ConfigMap.
	ShardMapKey = "map.json"
	// fieldManager owns the namespace's fields over the stack's lives.
	fieldManager = "scalestack"
)

// Args describe the base.
type Args struct {
	// Namespace is the name, a DNS label. Default: "scalestack".
	Namespace string
	// ShardMap is the encoded shard map. Required.
	ShardMap string
}

// Base is the namespace and what is in it from the start.
type Base struct {
	pulumi.ResourceState

	// Namespace is the name, known once the namespace exists and denies what is
	// not allowed: objects that use it come after both.
	Namespace pulumi.StringOutput `pulumi:"namespace"`
	// ShardMap is the name of the map's ConfigMap.
	ShardMap pulumi.StringOutput `pulumi:"shardMap"`
}

func (a *Args) withDefaults() *Args {
	d := Args{}
	if a != nil {
		d = *a
	}
	if d.Namespace == "" {
		d.Namespace = kube.DefaultNamespace
	}
	return &d
}

// Validate returns every mistake at once.
func (a *Args) Validate() error {
	d := a.withDefaults()
	errs := &check.Errors{}
	kube.Name(errs, "namespace", d.Namespace, "")
	errs.Required("shardMap", d.ShardMap)
	return errs.Err()
}

// New registers the base.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Base, error) {
	if err := args.Validate(); err != nil {
		return nil, err
	}
	a := args.withDefaults()
	b := &Base{}
	if err := ctx.RegisterComponentResource("scalestack:base:Base", name, b, opts...); err != nil {
		return nil, err
	}
	labels := kube.Labels{Name: "base", Instance: name}
	namespace, err := corev1.NewNamespace(ctx, name+"-namespace", namespaceArgs(labels, a.Namespace),
		pulumi.Parent(b), pulumi.RetainOnDelete(true))
	if err != nil {
		return nil, fmt.Errorf("namespace: %w", err)
	}
	created := namespace.Metadata.Name().Elem()
	deny, err := networkingv1.NewNetworkPolicy(ctx, name+"-default-deny", defaultDenyArgs(labels, created), pulumi.Parent(b))
	if err != nil {
		return nil, fmt.Errorf("default policy: %w", err)
	}
	config, err := corev1.NewConfigMap(ctx, name+"-shard-map", shardMapArgs(labels, created, a.ShardMap),
		pulumi.Parent(b), pulumi.RetainOnDelete(true))
	if err != nil {
		return nil, fmt.Errorf("shard map: %w", err)
	}
	b.Namespace = deny.Metadata.Namespace().Elem()
	b.ShardMap = config.Metadata.Name().Elem()
	return b, ctx.RegisterResourceOutputs(b, pulumi.Map{"namespace": b.Namespace, "shardMap": b.ShardMap})
}

func namespaceArgs(labels kube.Labels, name string) *corev1.NamespaceArgs {
	all := labels.All()
	for _, mode := range []string{"enforce", "audit", "warn"} {
		all["pod-security.kubernetes.io/"+mode] = pulumi.String("restricted")
	}
	return &corev1.NamespaceArgs{Metadata: &metav1.ObjectMetaArgs{
		Name:        pulumi.String(name),
		Labels:      all,
		Annotations: adoptable(),
	}}
}

func defaultDenyArgs(labels kube.Labels, namespace pulumi.StringInput) *networkingv1.NetworkPolicyArgs {
	return &networkingv1.NetworkPolicyArgs{
		Metadata: labels.Meta("default-deny", namespace),
		Spec: &networkingv1.NetworkPolicySpecArgs{
			PodSelector: &metav1.LabelSelectorArgs{},
			PolicyTypes: pulumi.ToStringArray([]string{"Ingress", "Egress"}),
		},
	}
}

// ShardMapName is the name of the ConfigMap with this content.
func ShardMapName(encoded string) string { return shardMapPrefix + kube.Sum(encoded)[:hashLength] }

func shardMapArgs(labels kube.Labels, namespace pulumi.StringInput, encoded string) *corev1.ConfigMapArgs {
	meta := labels.Meta(ShardMapName(encoded), namespace)
	meta.Annotations = adoptable()
	return &corev1.ConfigMapArgs{
		Metadata:  meta,
		Immutable: pulumi.Bool(true),
		Data:      pulumi.StringMap{ShardMapKey: pulumi.String(encoded)},
	}
}

// adoptable lets a deployment take over what an earlier one has left.
func adoptable() pulumi.StringMap {
	return pulumi.StringMap{"pulumi.com/patchFieldManager": pulumi.String(fieldManager)}
}
