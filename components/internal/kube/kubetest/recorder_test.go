package kubetest

import (
	"errors"
	"testing"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

// careless makes a component that breaks every rule once.
func careless(t *testing.T) *Recorder {
	t.Helper()
	return Run(t, func(ctx *pulumi.Context) error {
		component := &pulumi.ResourceState{}
		if err := ctx.RegisterComponentResource("test:test:Test", "c", component); err != nil {
			return err
		}
		parent, secret := pulumi.Parent(component), pulumi.ToSecret(pulumi.String("hush")).(pulumi.StringOutput)
		meta := func(name string) *metav1.ObjectMetaArgs { return &metav1.ObjectMetaArgs{Name: pulumi.String(name)} }
		var errs []error
		config := func(name string, value pulumi.StringInput, opts ...pulumi.ResourceOption) {
			_, err := corev1.NewConfigMap(ctx, name, &corev1.ConfigMapArgs{
				Metadata: meta(name), Data: pulumi.StringMap{"key": value},
			}, opts...)
			errs = append(errs, err)
		}
		config("c-good", pulumi.String("fine"), parent)
		config("c-orphan", pulumi.String("fine"))
		config("other", pulumi.String("fine"), parent)
		config("c-marked", secret, parent)
		config("c-plain", pulumi.String("a hush b"), parent)
		_, err := corev1.NewSecret(ctx, "c-secret", &corev1.SecretArgs{
			Metadata: meta("c-secret"), StringData: pulumi.StringMap{"key": secret},
		}, parent)
		errs = append(errs, err)
		return errors.Join(errs...)
	})
}

func TestTheRulesFindWhatBreaksThem(t *testing.T) {
	record := careless(t)
	require.Equal(t, []string{
		"kubernetes:core/v1:ConfigMap c-orphan",
		"kubernetes:core/v1:ConfigMap other",
	}, record.strays("c"))
	require.Equal(t, []string{
		"kubernetes:core/v1:ConfigMap c-marked",
		"kubernetes:core/v1:ConfigMap c-plain",
	}, record.leaks("hush"))
}

func TestValuesAreReadThroughTheirMarks(t *testing.T) {
	object := careless(t).Get(t, "Secret", "c-secret")
	require.Equal(t, "hush", Text(object, "stringData.key"))
	require.Empty(t, Text(object, "stringData.absent"))
}
