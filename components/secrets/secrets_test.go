package secrets_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
	"github.com/scalestack/scalestack/components/secrets"
)

type data = map[string]map[string]pulumi.StringInput

func TestSecrets(t *testing.T) {
	r := kubetest.Run(t, func(ctx *pulumi.Context) error {
		_, err := secrets.New(ctx, "logins", &secrets.Args{
			Namespace: pulumi.String("shop"), PullSecret: "registry",
			Data: data{"mail": {"password": pulumi.String("hush")}, "registry": {secrets.DockerConfigKey: pulumi.String("{}")}},
		})
		return err
	})
	require.Equal(t, []string{"Secret mail", "Secret registry", "ServiceAccountPatch default"}, r.Names())
	r.RequireParented(t, "logins")

	mail := r.Get(t, "Secret", "mail")
	require.Equal(t, "hush", kubetest.Text(mail, "stringData.password"))
	r.RequireNoPlainSecret(t, "hush")
	require.Equal(t, "shop", kubetest.Text(mail, "metadata.namespace"))
	require.Equal(t, "kubernetes.io/dockerconfigjson", kubetest.Text(r.Get(t, "Secret", "registry"), "type"))
	require.Equal(t, "registry", kubetest.Text(r.Get(t, "ServiceAccountPatch", "default"), "imagePullSecrets[0].name"))
}

func TestNothingIsPatchedWithoutAPullSecret(t *testing.T) {
	r := kubetest.Run(t, func(ctx *pulumi.Context) error {
		_, err := secrets.New(ctx, "logins", &secrets.Args{})
		return err
	})
	require.Empty(t, r.Names())
}

func TestMistakesShowNoValue(t *testing.T) {
	err := pulumi.RunErr(func(ctx *pulumi.Context) error {
		_, err := secrets.New(ctx, "logins", &secrets.Args{PullSecret: "mail", Data: data{
			"mail": {"a b": pulumi.String("hush")}, "Mail": {"a": pulumi.String("hush")}, "none": {},
		}})
		return err
	}, pulumi.WithMocks("scalestack", "test", &kubetest.Recorder{}))
	for _, mistake := range []string{
		`data.Mail: Invalid value: "Mail": must be lower-case letters`, `data.mail: Invalid value: "a b": is not a key`,
		"data.none: Required value: a value by its key", `data[mail][.dockerconfigjson]: Required value: it is the pull secret`,
	} {
		require.ErrorContains(t, err, mistake)
	}
	require.NotContains(t, err.Error(), "hush")
}

// A Secret's type cannot change, so a later use of it must not ask for another.
func TestKeysDecideTheType(t *testing.T) {
	text := func(keys ...string) map[string]pulumi.StringInput {
		values := map[string]pulumi.StringInput{}
		for _, key := range keys {
			values[key] = pulumi.String("hush")
		}
		return values
	}
	r := kubetest.Run(t, func(ctx *pulumi.Context) error {
		_, err := secrets.New(ctx, "logins", &secrets.Args{Data: data{
			"www": text("tls.crt", "tls.key", "ca.crt"), "authority": text("tls.crt"), "registry": text(secrets.DockerConfigKey),
		}})
		return err
	})
	require.Equal(t, "kubernetes.io/tls", kubetest.Text(r.Get(t, "Secret", "www"), "type"))
	require.Equal(t, "kubernetes.io/dockerconfigjson", kubetest.Text(r.Get(t, "Secret", "registry"), "type"))
	require.False(t, r.Get(t, "Secret", "authority").Inputs.HasValue("type"))

	err := (&secrets.Args{Data: data{"both": text("tls.crt", "tls.key", secrets.DockerConfigKey)}}).Validate()
	require.ErrorContains(t, err, "data.both[.dockerconfigjson]: Forbidden: is given together with tls.crt and tls.key")
}
