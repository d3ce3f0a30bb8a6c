package cluster

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/scalestack/scalestack/lab/internal/paths"
	"github.com/scalestack/scalestack/lab/internal/proc"
)

// operatorName says wherever it shows that it is not Strimzi's own.
const operatorName = "strimzi-emulator"

// StartOperator starts the emulator of the Strimzi operator, once Strimzi's definitions are in the cluster.
func StartOperator(ctx context.Context, p paths.Paths, log io.Writer, kafkaImage, exporterImage string) error {
	if err := retire(ctx, p, log); err != nil {
		return err
	}
	if err := ensure(ctx, log, operatorSpec(p, kafkaImage, exporterImage)); err != nil {
		return err
	}
	return waitFor(ctx, time.Minute, "the emulator of the Strimzi operator", func() error {
		return answers(ctx, "http://"+operatorHealth+"/readyz")
	})
}

// formerOperator is the emulator of a lab from before it had StrimziPodSets.
const formerOperator = "strimzi-stand-in"

// retire ends the former emulator and takes away what the present one cannot take over:
// StatefulSets, whose pods have the names of the StrimziPodSets', and disruption
// budgets of another form. The claims stay.
func retire(ctx context.Context, p paths.Paths, log io.Writer) error {
	if err := proc.Stop(ctx, 10*time.Second, formerOperator); err != nil {
		return err
	}
	kafkas := []string{"--all-namespaces", "-l", "strimzi.io/kind=Kafka"}
	var left bytes.Buffer
	if err := kubectl(ctx, p, &left, append([]string{"get", "statefulsets", "-o", "name", "--ignore-not-found"}, kafkas...)...); err != nil || left.Len() == 0 {
		return err
	}
	return kubectl(ctx, p, log, append([]string{"delete", "statefulsets,poddisruptionbudgets", "--cascade=foreground", "--timeout=120s"}, kafkas...)...)
}

func operatorSpec(p paths.Paths, kafkaImage, exporterImage string) proc.Spec {
	spec := newSpec(p, operatorName, "-kubeconfig", p.Kubeconfig(operatorName), "-image", kafkaImage, "-exporter-image", exporterImage,
		"-address", bridgeIP+"/32", "-dns", bridgeIP+":53", "-health", operatorHealth)
	spec.Path = p.Bin("operator")
	spec.Files = []string{p.Bin("operator.stamp")}
	return spec
}
