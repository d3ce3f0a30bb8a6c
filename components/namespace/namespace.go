// Package namespace creates the namespace that everything else lives in. It enforces
// the Pod Security Standard "restricted", and a network policy in it refuses whatever
// no other policy allows.
//
//	n, err := namespace.New(ctx, "base", &namespace.Args{Name: "shop"}, pulumi.Providers(cluster))
//
// # The namespace outlives the stack
//
// Deleting a namespace deletes the volume claims in it, so a destroy would take all
// data with it, whatever the claims' own policy says. The namespace is therefore
// retained on destroy, and the next deployment adopts it: the provider creates objects
// by server-side apply, which takes over an existing object, and the fixed field
// manager makes it the owner of exactly the fields that it owned before.
package namespace

import (
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/component"
	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/internal/settings"
)

// DenyName is the name of the policy that refuses what no other allows.
const DenyName = "default-deny"

// Args describe the namespace. A zero field means its default.
type Args struct {
	// Name of the namespace, a DNS label.
	Name string `json:"name" pulumi:"name,optional" default:"scalestack" format:"label"`
	// Annotations of the namespace, which outlive the stack with it. Default: none.
	Annotations map[string]string `json:"annotations" pulumi:"annotations,optional"`
}

// Namespace is a namespace with the Pod Security Standard "restricted" and a
// default-deny NetworkPolicy.
type Namespace struct {
	pulumi.ResourceState

	// Name is known once the namespace exists and denies what is not allowed: objects
	// that use it come after both.
	Name pulumi.StringOutput `pulumi:"name"`

	labels kube.Labels
}

// Validate returns every mistake in the arguments at once, each with the path of
// its field, or nil.
func (a *Args) Validate() error {
	return settings.Err(settings.Validate(nil, settings.WithDefaults(a)))
}

// New registers the namespace.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Namespace, error) {
	if err := args.Validate(); err != nil {
		return nil, err
	}
	a := settings.WithDefaults(args)
	n := &Namespace{labels: kube.Labels{Name: name, Instance: name}}
	// The type had another name up to version 0.1.
	opts = append(opts, pulumi.Aliases([]pulumi.Alias{{Type: pulumi.String("scalestack:base:Base")}}))
	if err := ctx.RegisterComponentResource("scalestack:namespace:Namespace", name, n, opts...); err != nil {
		return nil, err
	}
	made, err := corev1.NewNamespace(ctx, name+"-namespace", namespaceArgs(n.labels, a),
		pulumi.Parent(n), pulumi.RetainOnDelete(true))
	if err != nil {
		return nil, fmt.Errorf("namespace: %w", err)
	}
	deny, err := networkingv1.NewNetworkPolicy(ctx, name+"-default-deny",
		defaultDenyArgs(n.labels, made.Metadata.Name().Elem()), pulumi.Parent(n))
	if err != nil {
		return nil, fmt.Errorf("default policy: %w", err)
	}
	n.Name = deny.Metadata.Namespace().Elem()
	return n, ctx.RegisterResourceOutputs(n, component.Outputs(n))
}

func namespaceArgs(labels kube.Labels, a *Args) *corev1.NamespaceArgs {
	all := labels.All()
	for _, mode := range []string{"enforce", "audit", "warn"} {
		all["pod-security.kubernetes.io/"+mode] = pulumi.String("restricted")
	}
	annotations := kube.Adoptable()
	for name, value := range a.Annotations {
		annotations[name] = pulumi.String(value)
	}
	return &corev1.NamespaceArgs{Metadata: &metav1.ObjectMetaArgs{
		Name:        pulumi.String(a.Name),
		Labels:      all,
		Annotations: annotations,
	}}
}

func defaultDenyArgs(labels kube.Labels, namespace pulumi.StringInput) *networkingv1.NetworkPolicyArgs {
	return &networkingv1.NetworkPolicyArgs{
		Metadata: labels.Meta(DenyName, namespace),
		Spec: &networkingv1.NetworkPolicySpecArgs{
			PodSelector: &metav1.LabelSelectorArgs{},
			PolicyTypes: pulumi.ToStringArray([]string{"Ingress", "Egress"}),
		},
	}
}

// FileName is the name of the ConfigMap that AddFile makes for this content.
func FileName(name, content string) string { return kube.HashedName(name, content) }

// AddFile registers an immutable ConfigMap with one file and returns its name, which
// carries a hash of the content: a pod learns of new content together with everything
// else that its new template says. Old ones are kept, since pods of an older revision
// still mount them. A diff shows the name and not the content, which a machine has
// written and a machine reads.
func (n *Namespace) AddFile(ctx *pulumi.Context, component, name, key, content string) (pulumi.StringOutput, error) {
	labels := kube.Labels{Name: component, Instance: component}
	meta := labels.Meta(FileName(name, content), n.Name)
	meta.Annotations = kube.Adoptable()
	made, err := corev1.NewConfigMap(ctx, component+"-"+name, &corev1.ConfigMapArgs{
		Metadata:  meta,
		Immutable: pulumi.Bool(true),
		Data:      pulumi.StringMap{key: pulumi.String(content)},
	}, pulumi.Parent(n), pulumi.RetainOnDelete(true), pulumi.HideDiffs([]string{"data"}))
	if err != nil {
		return pulumi.StringOutput{}, fmt.Errorf("%s: %w", name, err)
	}
	return made.Metadata.Name().Elem(), nil
}
