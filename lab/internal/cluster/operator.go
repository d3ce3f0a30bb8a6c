package cluster

import (
	"context"
	"io"
	"time"

	"github.com/scalestack/scalestack/lab/internal/paths"
	"github.com/scalestack/scalestack/lab/internal/proc"
)

// operatorName says wherever it shows that it is not Strimzi's own.
const operatorName = "strimzi-emulator"

// StartOperator starts the emulator of the Strimzi operator, once Strimzi's definitions are in the cluster.
func StartOperator(ctx context.Context, p paths.Paths, log io.Writer, kafkaImage string) error {
	if err := ensure(ctx, log, operatorSpec(p, kafkaImage)); err != nil {
		return err
	}
	return waitFor(ctx, time.Minute, "the emulator of the Strimzi operator", func() error {
		return answers(ctx, "http://"+operatorHealth+"/readyz")
	})
}

func operatorSpec(p paths.Paths, kafkaImage string) proc.Spec {
	spec := newSpec(p, operatorName, "-kubeconfig", p.Kubeconfig(operatorName), "-image", kafkaImage,
		"-address", bridgeIP+"/32", "-dns", bridgeIP+":53", "-health", operatorHealth)
	spec.Path = p.Bin("operator")
	spec.Files = []string{p.Bin("operator.stamp")}
	return spec
}
