package gateway_test

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/gateway"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/service"
)

// A service behind the Gateway of the platform's team.
func Example() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		web, err := service.New(ctx, "web", &service.Args{
			Namespace: pulumi.String("shop"),
			Image:     pulumi.String("ghcr.io/stefanprodan/podinfo:6.7.1"),
			Port:      9898,
			// The gateway's pods, and nobody else.
			IngressFrom: []k8s.Peer{{
				Namespaces: pulumi.StringMap{"kubernetes.io/metadata.name": pulumi.String("gateways")},
				Pods:       pulumi.StringMap{"app": pulumi.String("envoy")},
			}},
		})
		if err != nil {
			return err
		}
		made, err := gateway.New(ctx, "gateway", &gateway.Args{
			Namespace: pulumi.String("shop"),
			Host:      pulumi.String("www.example.com"),
			Parent:    &gateway.Parent{Name: "public", Namespace: "gateways", Listener: "https"},
			Origin:    gateway.Origin{Service: web.Name, ServicePort: 80},
		})
		if err != nil {
			return err
		}
		ctx.Export("host", made.Host)
		return nil
	})
}
