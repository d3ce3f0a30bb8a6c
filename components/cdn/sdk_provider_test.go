package cdn_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/cdn"
	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
)

// provider registers one with these settings and returns its inputs.
func provider(t *testing.T, settings map[string]string, secrets ...string) (pulumi.MockResourceArgs, error) {
	t.Helper()
	r := &kubetest.Recorder{}
	err := pulumi.RunErr(func(ctx *pulumi.Context) error {
		_, err := cdn.NewProvider(ctx, "cloudflare")
		return err
	}, pulumi.WithMocks("scalestack", "test", r), func(info *pulumi.RunInfo) {
		info.Config, info.ConfigSecretKeys = settings, secrets
	})
	if err != nil {
		return pulumi.MockResourceArgs{}, err
	}
	return r.All()[0], nil
}

func TestTheProviderTakesPulumisSettings(t *testing.T) {
	made, err := provider(t, map[string]string{
		"cloudflare:apiToken": "hunter2", "cloudflare:retries": "9", "cloudflare:apiClientLogging": "true",
	}, "cloudflare:apiToken")
	require.NoError(t, err)
	require.True(t, made.Inputs["apiToken"].ContainsSecrets())
	require.EqualValues(t, "hunter2", made.Inputs["apiToken"].SecretValue().Element.StringValue())
	require.EqualValues(t, 9, made.Inputs["retries"].NumberValue())
	require.True(t, made.Inputs["apiClientLogging"].BoolValue())
	require.NotContains(t, made.Inputs, "email")
}

// The token of the environment belongs to the provider's process, not to the state.
func TestATokenOfTheEnvironmentIsNoInput(t *testing.T) {
	t.Setenv("CLOUDFLARE_API_TOKEN", "hunter2")
	made, err := provider(t, nil)
	require.NoError(t, err)
	require.NotContains(t, made.Inputs, "apiToken")
}

func TestMistakesInTheProvidersSettings(t *testing.T) {
	_, err := provider(t, map[string]string{"cloudflare:retries": "many", "cloudflare:apiClientLogging": "loud"})
	require.ErrorContains(t, err, `cloudflare:retries: Invalid value: "many": must be an integer`)
	require.ErrorContains(t, err, `cloudflare:apiClientLogging: Invalid value: "loud": must be true or false`)
}
