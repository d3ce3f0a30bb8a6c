// Command neighbour is a program of another team. It reads the outputs of a stack of
// Scalestack and deploys a service beside it, which calls the service users.
package main

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/service"
)

// The service that is called: its key in the outputs, the name of its objects, and the
// port of its pods.
const (
	calledKey  = "users"
	calledName = "app"
	calledPort = 8080
)

func main() { pulumi.Run(program) }

func program(ctx *pulumi.Context) error {
	settings := config.New(ctx, "neighbour")
	product, err := pulumi.NewStackReference(ctx, settings.Require("product"), nil)
	if err != nil {
		return err
	}
	reports, err := service.New(ctx, "reports", &service.Args{
		PartOf:    "reports",
		Namespace: product.GetStringOutput(pulumi.String("namespace")),
		Image:     pulumi.String(settings.Require("image")),
		Command:   []string{"./podinfo", "--port=9898"},
		Port:      9898,
		Env:       map[string]pulumi.StringInput{"USERS_URL": url(product, calledKey)},
		EgressTo:  []k8s.Target{{Peer: k8s.Peer{Pods: service.PodLabels(calledName)}, Port: calledPort}},
	})
	if err != nil {
		return err
	}
	ctx.Export("url", reports.URL)
	return nil
}

// url is where a service of the product is reached inside the cluster. A stack without
// it ends the run with the services that it has.
func url(product *pulumi.StackReference, key string) pulumi.StringOutput {
	return product.GetOutput(pulumi.String("services")).ApplyT(func(output any) (string, error) {
		services, _ := output.(map[string]any)
		if url, ok := services[key].(string); ok {
			return url, nil
		}
		return "", fmt.Errorf("output services has no %s: %v", key, output)
	}).(pulumi.StringOutput)
}
