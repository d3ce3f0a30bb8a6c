// Scalestack's Pulumi program; see package stack.
package main

import (
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/stack"
)

func main() {
	pulumi.Run(stack.Program(stack.WithLocalImages(os.Getenv("SCALESTACK_IMAGES"))))
}
