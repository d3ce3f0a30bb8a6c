package postgres

import (
	"encoding/json"
	"testing"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
	"github.com/scalestack/scalestack/sharding/access"
)

func testSpec() access.Spec {
	one := access.Service{Connections: 3, StatementTimeout: 60, IdleTransactionTimeout: 60, Write: []string{"orders"}}
	spec := access.Spec{Rotation: 1}
	for _, name := range []string{"shop", "report"} {
		one.Name = name
		spec.Services = append(spec.Services, one)
	}
	return spec
}

func runRoles(t *testing.T, spec access.Spec) *kubetest.Recorder {
	t.Helper()
	return kubetest.Run(t, func(ctx *pulumi.Context) error {
		_, err := NewRoles(ctx, "roles", &RolesArgs{Spec: spec, Prepare: func(secret pulumi.StringOutput) ([]pulumi.Resource, error) {
			made, err := corev1.NewConfigMap(ctx, "roles-prepared", &corev1.ConfigMapArgs{
				Metadata: &metav1.ObjectMetaArgs{Name: pulumi.String("prepared")}, Data: pulumi.StringMap{"secret": secret},
			})
			return []pulumi.Resource{made}, err
		}})
		return err
	})
}

func TestEachServiceHasALoginOfItsOwn(t *testing.T) {
	r := runRoles(t, testSpec())
	secret, err := SpecSecret("roles", testSpec())
	require.NoError(t, err)
	require.Equal(t, []string{"ConfigMap prepared", "Secret roles-login-report", "Secret roles-login-shop", "Secret " + secret}, r.Names())
	r.RequireNoPlainSecret(t, kubetest.Password)
	login := r.Get(t, "Secret", "roles-login-shop")
	require.Equal(t, "svc_shop_b", kubetest.Text(login, "stringData.username"))
	require.Equal(t, kubetest.Password, kubetest.Text(login, "stringData.password"))

	var spec access.Spec
	require.NoError(t, json.Unmarshal([]byte(kubetest.Text(r.Get(t, "Secret", secret), "stringData[\"roles.json\"]")), &spec))
	require.NoError(t, spec.Validate())
	require.Equal(t, "report", spec.Services[1].Name)
	require.Equal(t, kubetest.Password, spec.Services[1].Password)
	require.Equal(t, secret, kubetest.Text(r.Get(t, "ConfigMap", "prepared"), "data.secret"))
}

// A Job that reads the former description leaves the shards without the new passwords.
func TestEachDescriptionHasASecretOfItsOwn(t *testing.T) {
	before, err := SpecSecret("roles", testSpec())
	require.NoError(t, err)
	for _, change := range []func(*access.Spec){
		func(s *access.Spec) { s.Rotation++ },
		func(s *access.Spec) { s.Services[0].Write = []string{"orders", "lines"} },
		func(s *access.Spec) { s.Former = []string{"app"} },
	} {
		spec := testSpec()
		change(&spec)
		after, err := SpecSecret("roles", spec)
		require.NoError(t, err)
		require.NotEqual(t, before, after)
	}
}

// A login that pods have before the databases know it is an outage.
func TestNoServiceGetsALoginThatDoesNotExistYet(t *testing.T) {
	r := runRoles(t, testSpec())
	for _, name := range []string{"roles-login-shop", "roles-login-report"} {
		require.Contains(t, needs(r.Get(t, "Secret", name)), "roles-prepared")
	}
}
