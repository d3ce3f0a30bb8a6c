// Command prerequisites reads the output of `pulumi preview --json --show-sames` on its
// standard input and asks the cluster, with kubectl, for what the plan relies on and
// does not bring: the version of Kubernetes, metrics for the autoscalers, storage
// classes that can expand, priority classes, the definitions of Strimzi's, KEDA's and the
// Gateway API's objects, the Gateway that a route names. It prints one line for each, and
// fails if something is missing or cannot be found out.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/scalestack/scalestack/internal/command"
)

func main() {
	plan, err := read(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, "prerequisites:", err)
		os.Exit(1)
	}
	met := true
	for _, result := range plan.check(context.Background(), kubectl(plan.context)) {
		fmt.Println(result)
		met = met && result.problem == ""
	}
	if !met {
		os.Exit(1)
	}
}

// asker runs kubectl with arguments and returns its standard output.
type asker func(ctx context.Context, args ...string) ([]byte, error)

func kubectl(target string) asker {
	return func(ctx context.Context, args ...string) ([]byte, error) {
		if target != "" {
			args = append(args, "--context", target)
		}
		output, reason, err := command.Output(ctx, "kubectl", append(args, "--request-timeout", "10s")...)
		if err != nil {
			return nil, errors.New(reason)
		}
		return output, nil
	}
}
