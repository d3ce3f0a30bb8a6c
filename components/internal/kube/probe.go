package kube

import (
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Lately succeeds if a program that writes the time into a file has not begun to, or
// has done so within that many seconds.
func Lately(file string, seconds int) *corev1.ProbeArgs {
	command := fmt.Sprintf("test ! -s %[1]s || test $(($(date +%%s) - $(cat %[1]s))) -lt %[2]d", file, seconds)
	return &corev1.ProbeArgs{
		Exec:             &corev1.ExecActionArgs{Command: pulumi.ToStringArray([]string{"sh", "-c", command})},
		PeriodSeconds:    pulumi.Int(60),
		TimeoutSeconds:   pulumi.Int(5),
		FailureThreshold: pulumi.Int(3),
	}
}
