// Package secrets creates the Secrets that the programs of a namespace mount and that
// no component generates: a login at a mail server, the key of a payment provider, the
// credentials of a registry.
package secrets

import (
	"fmt"
	"maps"
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/internal/component"
	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/internal/settings"
)

// A Secret's keys decide its type, whatever it is used for: Kubernetes cannot change the
// type of one that exists, so that a new use of it would delete it and make it again.
const (
	// DockerConfigKey is the key of a Secret that pulls images. A Secret with this key
	// gets the type kubernetes.io/dockerconfigjson.
	DockerConfigKey = ".dockerconfigjson"
	// CertificateKey and PrivateKey are the keys of a certificate. A Secret with both gets
	// the type kubernetes.io/tls: gateways take no other.
	CertificateKey = "tls.crt"
	PrivateKey     = "tls.key"
)

// Args are the Secrets of a namespace.
type Args struct {
	// Namespace of the Secrets. Default: scalestack.
	Namespace pulumi.StringInput `json:"namespace" pulumi:"namespace,optional"`
	// Data are the values of each Secret by its name, a DNS label, and then by key: 1 to
	// 253 letters, digits, '-', '_' and '.'. All values become secrets of the state.
	Data map[string]map[string]pulumi.StringInput `json:"data" pulumi:"data,optional"`
	// PullSecret is the name of a Secret with the key .dockerconfigjson, of Data or of
	// something else, with which every pod of the namespace may pull images that has no
	// service account of its own; the components job and service have a PullSecret for
	// theirs. Default: none.
	PullSecret string `json:"pullSecret" pulumi:"pullSecret,optional" format:"label"`
}

// Secrets are the Secrets of a namespace.
type Secrets struct {
	pulumi.ResourceState

	// Names of the Secrets, each known once its Secret exists. What mounts one should
	// use its plain name and depend on Objects: Pulumi replaces a workload that uses an
	// output of a Secret whenever it replaces the Secret.
	Names pulumi.StringMapOutput `pulumi:"names"`
	// Namespace is known once pods in it may pull images with PullSecret.
	Namespace pulumi.StringOutput `pulumi:"namespace"`

	objects map[string]pulumi.Resource
}

// Objects are the Secrets themselves by name, for what comes after them.
func (s *Secrets) Objects() map[string]pulumi.Resource { return s.objects }

// Validate returns every mistake in the arguments at once, each with the path of
// its field, or nil.
func (a *Args) Validate() error {
	return settings.Err(settings.Validate(nil, settings.WithDefaults(a)))
}

// New registers the Secrets.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Secrets, error) {
	a := settings.WithDefaults(args)
	a.Namespace = kube.Namespace(a.Namespace)
	if err := kube.Check(name, "", a); err != nil {
		return nil, err
	}
	s := &Secrets{objects: map[string]pulumi.Resource{}}
	if err := ctx.RegisterComponentResource("scalestack:secrets:Secrets", name, s, opts...); err != nil {
		return nil, err
	}
	labels, names := kube.Labels{Name: name, Instance: name}, pulumi.StringMap{}
	for _, secret := range slices.Sorted(maps.Keys(a.Data)) {
		made, err := corev1.NewSecret(ctx, name+"-"+secret, object(labels, secret, a), pulumi.Parent(s))
		if err != nil {
			return nil, fmt.Errorf("secret %s: %w", secret, err)
		}
		s.objects[secret], names[secret] = made, made.Metadata.Name().Elem()
	}
	s.Names, s.Namespace = names.ToStringMapOutput(), a.Namespace.ToStringOutput()
	if a.PullSecret != "" {
		if err := s.pull(ctx, name, a, names); err != nil {
			return nil, err
		}
	}
	return s, ctx.RegisterResourceOutputs(s, component.Outputs(s))
}

func object(labels kube.Labels, name string, a *Args) *corev1.SecretArgs {
	data := pulumi.StringMap{}
	for key, value := range a.Data[name] {
		data[key] = pulumi.ToSecret(value).(pulumi.StringOutput)
	}
	args := &corev1.SecretArgs{Metadata: labels.Meta(name, a.Namespace), StringData: data}
	switch {
	case pulls(a.Data[name]):
		args.Type = pulumi.String("kubernetes.io/dockerconfigjson")
	case certifies(a.Data[name]):
		args.Type = pulumi.String("kubernetes.io/tls")
	}
	return args
}

func pulls[V any](data map[string]V) bool {
	_, given := data[DockerConfigKey]
	return given
}

func certifies[V any](data map[string]V) bool {
	_, certificate := data[CertificateKey]
	_, key := data[PrivateKey]
	return certificate && key
}

// pull lets the namespace's default service account pull images: its pods need no
// setting of their own, and neither do those of foreign programs.
func (s *Secrets) pull(ctx *pulumi.Context, name string, a *Args, made pulumi.StringMap) error {
	var secret pulumi.StringInput = pulumi.String(a.PullSecret)
	if own, ok := made[a.PullSecret]; ok {
		secret = own
	}
	patch, err := corev1.NewServiceAccountPatch(ctx, name+"-pull", &corev1.ServiceAccountPatchArgs{
		Metadata: &metav1.ObjectMetaPatchArgs{
			Name: pulumi.String("default"), Namespace: a.Namespace.ToStringOutput(), Annotations: kube.Adoptable(),
		},
		ImagePullSecrets: corev1.LocalObjectReferencePatchArray{&corev1.LocalObjectReferencePatchArgs{Name: secret.ToStringOutput()}},
	}, pulumi.Parent(s))
	if err != nil {
		return fmt.Errorf("pull secret: %w", err)
	}
	s.Namespace = pulumi.OutputWithDependencies(ctx.Context(), s.Namespace, patch).(pulumi.StringOutput)
	return nil
}

// Check refuses names and keys that Kubernetes would refuse, and a pull secret that
// cannot pull. It shows no value.
func (a *Args) Check(path *field.Path) field.ErrorList {
	at, errs := path.Child("data"), CheckNames(path.Child("data"), a.Data)
	if data, own := a.Data[a.PullSecret]; own && data[DockerConfigKey] == nil {
		errs = append(errs, field.Required(at.Key(a.PullSecret).Key(DockerConfigKey), "it is the pull secret"))
	}
	return errs
}

// CheckNames refuses names and keys that Kubernetes would refuse, a Secret without a
// key, and one that would need two types.
func CheckNames[V any](path *field.Path, data map[string]map[string]V) field.ErrorList {
	var errs field.ErrorList
	for _, name := range slices.Sorted(maps.Keys(data)) {
		at := path.Child(name)
		errs = append(errs, kube.Name(at, name, "")...)
		if len(data[name]) == 0 {
			errs = append(errs, field.Required(at, "a value by its key"))
		}
		if pulls(data[name]) && certifies(data[name]) {
			errs = append(errs, field.Forbidden(at.Key(DockerConfigKey), "is given together with "+CertificateKey+" and "+PrivateKey+
				": a Secret pulls images or is a certificate, since it has one type"))
		}
		for _, key := range slices.Sorted(maps.Keys(data[name])) {
			if len(validation.IsConfigMapKey(key)) > 0 {
				errs = append(errs, field.Invalid(at, key, "is not a key: 1 to 253 letters, digits, '-', '_' and '.'"))
			}
		}
	}
	return errs
}
