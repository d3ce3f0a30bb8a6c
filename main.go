// Scalestack's Pulumi program; see package stack.
package main

import (
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/stack"
)

func main() {
	pulumi.Run(stack.Program(
		stack.WithWorkloadImage(os.Getenv("SCALESTACK_WORKLOAD_IMAGE")),
		stack.WithShardctlImage(os.Getenv("SCALESTACK_SHARDCTL_IMAGE")),
	))
}
