// Package secrets makes the Secrets that the programs of a namespace mount and that
// no component generates: a login at a mail server, the key of a payment provider,
// the credentials of a registry.
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

// DockerConfigKey is the key of a Secret that pulls images. A Secret with this key
// gets the type kubernetes.io/dockerconfigjson.
const DockerConfigKey = ".dockerconfigjson"

// CertificateKey and PrivateKey are the keys of a certificate.
const (
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
	// Certificate is the name of a Secret with the keys tls.crt and tls.key, which gets
	// the type kubernetes.io/tls: gateways take no other. Naming one that exists without
	// the type replaces it. Default: none.
	Certificate string `json:"certificate" pulumi:"certificate,optional" format:"label"`
}

// Secrets are the Secrets of a namespace.
type Secrets struct {
	pulumi.ResourceState

	// Names of the Secrets, each known once its Secret exists.
	Names pulumi.StringMapOutput `pulumi:"names"`
	// Namespace is known once pods in it may pull images with PullSecret.
	Namespace pulumi.StringOutput `pulumi:"namespace"`
}

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
	s := &Secrets{}
	if err := ctx.RegisterComponentResource("scalestack:secrets:Secrets", name, s, opts...); err != nil {
		return nil, err
	}
	labels, names := kube.Labels{Name: name, Instance: name}, pulumi.StringMap{}
	for _, secret := range slices.Sorted(maps.Keys(a.Data)) {
		made, err := corev1.NewSecret(ctx, name+"-"+secret, object(labels, secret, a), pulumi.Parent(s))
		if err != nil {
			return nil, fmt.Errorf("secret %s: %w", secret, err)
		}
		names[secret] = made.Metadata.Name().Elem()
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
	if _, pulls := a.Data[name][DockerConfigKey]; pulls {
		args.Type = pulumi.String("kubernetes.io/dockerconfigjson")
	}
	if name == a.Certificate {
		args.Type = pulumi.String("kubernetes.io/tls")
	}
	return args
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

// Check refuses names and keys that Kubernetes would refuse, a pull secret that cannot
// pull and a certificate that is none. It shows no value.
func (a *Args) Check(path *field.Path) field.ErrorList {
	at, errs := path.Child("data"), CheckNames(path.Child("data"), a.Data)
	if data, own := a.Data[a.PullSecret]; own && data[DockerConfigKey] == nil {
		errs = append(errs, field.Required(at.Key(a.PullSecret).Key(DockerConfigKey), "it is the pull secret"))
	}
	if data, own := a.Data[a.Certificate]; own {
		errs = append(errs, CheckCertificate(at.Child(a.Certificate), data)...)
	}
	return errs
}

// CheckCertificate refuses a certificate without one of its two parts.
func CheckCertificate[V any](path *field.Path, data map[string]V) field.ErrorList {
	var errs field.ErrorList
	for _, key := range []string{"tls.crt", "tls.key"} {
		if _, given := data[key]; !given {
			errs = append(errs, field.Required(path.Key(key), "it is a certificate of the gateway"))
		}
	}
	return errs
}

// CheckNames refuses names and keys that Kubernetes would refuse, and a Secret without
// a key.
func CheckNames[V any](path *field.Path, data map[string]map[string]V) field.ErrorList {
	var errs field.ErrorList
	for _, name := range slices.Sorted(maps.Keys(data)) {
		at := path.Child(name)
		errs = append(errs, kube.Name(at, name, "")...)
		if len(data[name]) == 0 {
			errs = append(errs, field.Required(at, "a value by its key"))
		}
		for _, key := range slices.Sorted(maps.Keys(data[name])) {
			if len(validation.IsConfigMapKey(key)) > 0 {
				errs = append(errs, field.Invalid(at, key, "is not a key: 1 to 253 letters, digits, '-', '_' and '.'"))
			}
		}
	}
	return errs
}
