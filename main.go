// Scalestack's Pulumi program; see package stack.
package main

import (
	"errors"
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/common/constant"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/stack"
)

func main() {
	program, settings := stack.Program(stack.WithLocalImages(os.Getenv("SCALESTACK_IMAGES")))
	pulumi.Run(func(ctx *pulumi.Context) error {
		err := program(ctx)
		var refused *stack.RefusedError
		if errors.As(err, &refused) {
			refuse(ctx, refused)
		}
		return err
	}, settings)
}

// refuse ends the run before the SDK would call a mistake in the configuration an
// unhandled error, and register that the stack has no outputs any more.
func refuse(ctx *pulumi.Context, refused *stack.RefusedError) {
	if ctx.Log.Error(refused.Error(), nil) == nil {
		os.Exit(constant.ExitStatusLoggedError)
	}
}
