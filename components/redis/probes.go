package redis

import (
	_ "embed"
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// checkScript has the table of answers, and says which of them mean what. It is a file of the ConfigMap: another one reaches a
// running pod without a restart.
//
//go:embed check.sh
var checkScript string

// question is what a probe wants to know.
type question string

const (
	// alive also is the startup's: clients may be as many as the server takes before its
	// first probe.
	alive question = "alive"
	ready question = "ready"
)

func probe(a *Args, asks question, period, failures int) *corev1.ProbeArgs {
	return execProbe(check(a, asks), period, failures)
}

// check is the command that asks the server in its own pod.
func check(a *Args, asks question) string {
	return fmt.Sprintf("SERVER='%s' sh %s/check.sh %s", reached(a), configPath, asks)
}

func execProbe(command string, period, failures int) *corev1.ProbeArgs {
	return &corev1.ProbeArgs{
		Exec:             &corev1.ExecActionArgs{Command: pulumi.ToStringArray([]string{"sh", "-c", command})},
		PeriodSeconds:    pulumi.Int(period),
		TimeoutSeconds:   pulumi.Int(3),
		FailureThreshold: pulumi.Int(failures),
	}
}
