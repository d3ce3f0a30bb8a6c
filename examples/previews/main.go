// Command previews gives each pull request an environment of its own, with a namespace
// and a DNS name, and takes it away when the request is closed:
//
//	previews up 7      # deploys pr-7 and prints its address; again after each push
//	previews down 7    # destroys it with its data
//
// It drives Pulumi by the Automation API. README.md says what it needs.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p, action, err := parse(os.Args[1:])
	if err == nil {
		err = action(ctx, p)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "previews:", err)
		os.Exit(1)
	}
}

type action func(context.Context, *preview) error

// parse reads the options, the action and the number of the pull request.
func parse(args []string) (*preview, action, error) {
	p := &preview{}
	flags := flag.NewFlagSet("previews", flag.ContinueOnError)
	flags.StringVar(&p.repo, "repo", ".", "checkout with the program")
	flags.StringVar(&p.template, "template", "examples/previews/Pulumi.preview.yaml", "settings of every environment")
	flags.StringVar(&p.context, "context", "", "context of the kubeconfig: the cluster of the environments")
	flags.StringVar(&p.domain, "domain", "preview.example.com", "an environment is pr-<number> below it")
	flags.StringVar(&p.zone, "zone", "", "Cloudflare's id of the zone that the domain is in")
	flags.StringVar(&p.target, "target", "", "host name of the cluster's ingress, which the DNS names lead to")
	flags.StringVar(&p.class, "class", "nginx", "class of the cluster's ingress")
	if err := flags.Parse(args); err != nil {
		return nil, nil, err
	}
	number, err := strconv.Atoi(flags.Arg(1))
	if flags.NArg() != 2 || err != nil || number < 1 {
		return nil, nil, fmt.Errorf("%q: must be an action and the number of a pull request: up 7, down 7", flags.Args())
	}
	for name, value := range map[string]string{"context": p.context, "zone": p.zone, "target": p.target} {
		if value == "" {
			return nil, nil, fmt.Errorf("--%s: required", name)
		}
	}
	p.name = fmt.Sprintf("pr-%d", number)
	actions := map[string]action{"up": up, "down": down}
	do, known := actions[flags.Arg(0)]
	if !known {
		return nil, nil, fmt.Errorf("%q: must be up or down", flags.Arg(0))
	}
	return p, do, nil
}
