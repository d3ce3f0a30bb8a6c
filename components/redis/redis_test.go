package redis

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube/kubetest"
)

func run(t *testing.T, args *Args) *kubetest.Recorder {
	t.Helper()
	return kubetest.Run(t, func(ctx *pulumi.Context) error {
		_, err := New(ctx, "redis", args)
		return err
	})
}

func TestNewMakesItsObjects(t *testing.T) {
	record := run(t, nil)
	require.Equal(t, []string{
		"ConfigMap redis-config",
		"Deployment redis",
		"NetworkPolicy redis",
		"Secret redis-acl",
		"Secret redis-app",
		"Service redis",
	}, record.Names())
	record.RequireParented(t, "redis")
	record.RequireNoPlainSecret(t, kubetest.Password)
}

func TestTheAddressNamesTheService(t *testing.T) {
	var address string
	kubetest.Run(t, func(ctx *pulumi.Context) error {
		cache, err := New(ctx, "redis", nil)
		if err != nil {
			return err
		}
		cache.Address.ApplyT(func(value string) string { address = value; return value })
		return nil
	})
	require.Equal(t, "redis.scalestack.svc.cluster.local:6379", address)
}

func TestTheAccessListIsASecret(t *testing.T) {
	users, ok := kubetest.Value(run(t, nil).Get(t, "Secret", "redis-acl"), `stringData["users.acl"]`)
	require.True(t, ok)
	require.Contains(t, users.StringValue(), "user app reset on #")
}

func TestThePodRestartsWithItsPassword(t *testing.T) {
	checksum := func(args *Args) string {
		return kubetest.Text(run(t, args).Get(t, "Deployment", "redis"), `spec.template.metadata.annotations["scalestack/checksum"]`)
	}
	require.Len(t, checksum(nil), 64)
	require.Equal(t, checksum(nil), checksum(&Args{}))
	require.NotEqual(t, checksum(nil), checksum(&Args{MaxMemoryPercent: 50}))
}

// Pods have the password of before until they are replaced. Who was shut out by the rotation before that stays so.
func TestServersTakeThePasswordOfBefore(t *testing.T) {
	for rotation, want := range [][]string{
		{"redis-app-password", "redis-exporter-password"},
		{"redis-app-password-1", "redis-app-password", "redis-exporter-password-1"},
		{"redis-app-password-2", "redis-app-password-1", "redis-exporter-password-2"},
	} {
		graph := run(t, &Args{PasswordRotation: rotation, Exporter: &Exporter{}})
		var made []string
		for _, one := range graph.All() {
			if one.TypeToken == "random:index/randomPassword:RandomPassword" {
				made = append(made, one.Name)
			}
		}
		require.ElementsMatch(t, want, made)
	}
}

func TestNewRefusesWrongArgs(t *testing.T) {
	err := pulumi.RunErr(func(ctx *pulumi.Context) error {
		_, err := New(ctx, "Redis", &Args{MaxClients: 1})
		require.ErrorContains(t, err, `name: Invalid value: "Redis": must be lower-case letters`)
		require.ErrorContains(t, err, "maxClients: Invalid value: 1: must be between 10 and 100000")
		return nil
	}, pulumi.WithMocks("scalestack", "test", &kubetest.Recorder{}))
	require.NoError(t, err)
}

func TestPodPlacement(t *testing.T) {
	spec := podSpec(server{component: "redis"}, (&Args{PriorityClass: pulumi.String("high"), NodeSelector: pulumi.StringMap{"pool": pulumi.String("cache")}}).withDefaults())
	require.NotNil(t, spec.PriorityClassName)
	require.Equal(t, pulumi.StringMap{"pool": pulumi.String("cache")}, spec.NodeSelector)
	require.Nil(t, podSpec(server{component: "redis"}, (&Args{}).withDefaults()).PriorityClassName)
}
