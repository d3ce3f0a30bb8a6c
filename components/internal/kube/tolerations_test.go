package kube

import (
	"testing"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/k8s"
)

func TestTolerations(t *testing.T) {
	seconds := 30
	require.Nil(t, Tolerations(nil))
	require.Equal(t, corev1.TolerationArray{
		&corev1.TolerationArgs{Key: pulumi.String("dedicated"), Value: pulumi.String("db"), Effect: pulumi.String("NoExecute"), TolerationSeconds: pulumi.Int(30)},
		&corev1.TolerationArgs{Operator: pulumi.String("Exists")},
	}, Tolerations([]k8s.Toleration{
		{Key: "dedicated", Value: "db", Effect: "NoExecute", Seconds: &seconds},
		{Operator: "Exists"},
	}))
}

func TestGiven(t *testing.T) {
	require.False(t, Given(nil))
	require.False(t, Given(pulumi.String("")))
	require.True(t, Given(pulumi.String("a")))
	require.True(t, Given(pulumi.String("").ToStringOutput()), "known only during the deployment")
}
