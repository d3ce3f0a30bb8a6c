package kube

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

func TestLabels(t *testing.T) {
	labels := Labels{Name: "postgres", Instance: "postgres-shard-0"}
	require.Equal(t, pulumi.StringMap{
		"app.kubernetes.io/name":     pulumi.String("postgres"),
		"app.kubernetes.io/instance": pulumi.String("postgres-shard-0"),
	}, labels.Selector())
	require.Equal(t, pulumi.String("pulumi"), labels.All()["app.kubernetes.io/managed-by"])
	require.Len(t, labels.Selector(), 2, "All must not change the selector")

	meta := labels.Meta("object", pulumi.String("ns"))
	require.Equal(t, pulumi.String("object"), meta.Name)
	require.Equal(t, pulumi.String("ns"), meta.Namespace)
	require.Equal(t, labels.All(), meta.Labels)
}

func TestRestrictedPod(t *testing.T) {
	pod := RestrictedPod(999)
	require.Equal(t, pulumi.Bool(true), pod.RunAsNonRoot)
	require.Equal(t, pulumi.Int(999), pod.RunAsUser)
	require.Equal(t, pulumi.Int(999), pod.FsGroup)
}

func TestRestrictedContainer(t *testing.T) {
	container := RestrictedContainer()
	require.Equal(t, pulumi.Bool(false), container.AllowPrivilegeEscalation)
	require.Equal(t, pulumi.Bool(true), container.ReadOnlyRootFilesystem)
}

func TestVolumes(t *testing.T) {
	require.NotEqual(t, EmptyDir("a", "1Mi"), MemoryDir("a", "1Mi"))
	require.Equal(t, pulumi.Bool(true), ReadOnlyMount("a", "/a").ReadOnly)
	require.Nil(t, Mount("a", "/a").ReadOnly)
}

func TestSumKeepsPartsApart(t *testing.T) {
	require.Len(t, Sum("a", "b"), 64)
	require.Equal(t, Sum("a", "b"), Sum("a", "b"))
	require.NotEqual(t, Sum("ab", ""), Sum("a", "b"))
	require.NotEqual(t, Sum("a", "b"), Sum("b", "a"))
}
