package tunnel_test

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/service"
	"github.com/scalestack/scalestack/components/tunnel"
)

// A service that is reached by its host name alone.
func Example() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		web, err := service.New(ctx, "web", &service.Args{
			Namespace:   pulumi.String("shop"),
			Image:       pulumi.String("ghcr.io/stefanprodan/podinfo:6.7.1"),
			Port:        9898,
			IngressFrom: tunnel.Peers("cloudflared"),
		})
		if err != nil {
			return err
		}
		made, err := tunnel.New(ctx, "cloudflared", &tunnel.Args{
			Namespace: pulumi.String("shop"),
			AccountID: pulumi.String("0123456789abcdef0123456789abcdef"),
			ZoneID:    pulumi.String("fedcba9876543210fedcba9876543210"),
			Host:      pulumi.String("www.example.com"),
			Origin:    tunnel.Origin{URL: web.URL, Pods: service.PodLabels("web"), Port: 9898},
		})
		if err != nil {
			return err
		}
		ctx.Export("host", made.Host)
		return nil
	})
}
