// Command adopt ends what a stack's earlier life still owns of its objects, after
// `pulumi up` has taken them over into an empty state.
//
// The Kubernetes provider gives each object a field manager of its own and keeps the
// name in the state. With the state the name is lost; the fields stay with it, beside
// the new manager's, and the API server then refuses every later change of them as a
// conflict. This command takes the lost managers out of metadata.managedFields and
// changes nothing else. docs/recovery.md has the whole procedure.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/scalestack/scalestack/internal/command"
)

func main() {
	target := flag.String("context", "", "context of the kubeconfig; default: the current one")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: adopt [--context NAME] [ORGANIZATION/PROJECT/]STACK")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := adopt(context.Background(), flag.Arg(0), *target, run, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "adopt:", err)
		os.Exit(1)
	}
}

// caller runs a program with arguments and returns its standard output.
type caller func(ctx context.Context, program string, args ...string) ([]byte, error)

func run(ctx context.Context, program string, args ...string) ([]byte, error) {
	output, reason, err := command.Output(ctx, program, args...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s %s: %w", program, args[0], err), errors.New(reason))
	}
	return output, nil
}
