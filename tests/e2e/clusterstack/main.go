// Command clusterstack is a stack with a Kafka cluster and nothing else, by which the
// end-to-end tests try two stacks in one Kubernetes cluster and another API version.
// Nothing runs: no operator of the lab knows the version of Kafka.
package main

import (
	"os"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/kafka"
)

func main() { pulumi.Run(deploy) }

// deploy reads the test's variables: the namespace, the operator's mode and chart, and the
// API version.
func deploy(ctx *pulumi.Context) error {
	cluster, err := kubernetes.NewProvider(ctx, "kubernetes", &kubernetes.ProviderArgs{EnableServerSideApply: pulumi.Bool(true)})
	if err != nil {
		return err
	}
	wait := false
	_, err = kafka.New(ctx, "kafka", &kafka.Args{
		Namespace: pulumi.String(os.Getenv("E2E_NAMESPACE")),
		Operator: kafka.Operator{
			Mode: kafka.OperatorMode(os.Getenv("E2E_MODE")), Chart: pulumi.String(os.Getenv("E2E_CHART")), Version: "0.49.1",
		},
		APIVersion: os.Getenv("E2E_API_VERSION"),
		Version:    "4.1.1", MetadataVersion: "4.1-IV1",
		Pools: []kafka.Pool{{
			Name: "dual", Roles: []kafka.Role{kafka.Controller, kafka.Broker}, Replicas: 1,
			Storage: kafka.Storage{Size: "1Gi", Ephemeral: true},
		}},
		Topics:    []kafka.Topic{{Name: "orders"}},
		WaitReady: &wait,
	}, pulumi.Providers(cluster))
	return err
}
