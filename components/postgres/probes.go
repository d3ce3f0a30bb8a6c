package postgres

import (
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// isReady asks over TCP, as clients do, and needs no password.
var isReady = fmt.Sprintf("pg_isready --quiet --host=127.0.0.1 --port=%d --timeout=3", Port)

// startupProbe leaves an hour to replay the log of a server that was killed in
// its container; the others begin after it. It asks every second: what it waits,
// the shard's users wait at every restart.
func startupProbe() *corev1.ProbeArgs {
	return probe(isReady, 1, 3600)
}

func readinessProbe() *corev1.ProbeArgs {
	return probe(isReady, 5, 3)
}

// livenessProbe restarts only a server that has not answered at all for five
// minutes. One that answers "not now" (status 1) is stopping, recovering or
// full, and a restart would make each of these worse.
func livenessProbe() *corev1.ProbeArgs {
	return probe(isReady+"; test $? -le 1", 30, 10)
}

func probe(command string, period, failures int) *corev1.ProbeArgs {
	return &corev1.ProbeArgs{
		Exec:             execAction("sh", "-c", command),
		PeriodSeconds:    pulumi.Int(period),
		TimeoutSeconds:   pulumi.Int(5),
		FailureThreshold: pulumi.Int(failures),
	}
}

func execAction(command ...string) *corev1.ExecActionArgs {
	return &corev1.ExecActionArgs{Command: pulumi.ToStringArray(command)}
}
