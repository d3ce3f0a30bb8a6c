package cdn_test

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/cdn"
)

// A zone on plan pro in front of a load balancer that the same program makes.
// /static/* is kept for a month, /app.js for an hour.
func Example() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		loadBalancer := pulumi.String("lb.example.net").ToStringOutput() // of the cloud's provider
		edge, err := cdn.New(ctx, "edge", &cdn.Args{
			ZoneID: pulumi.String("0123456789abcdef0123456789abcdef"),
			Plan:   cdn.PlanPro,
			Rules: []cdn.Rule{
				{Ref: "static", Path: "/static/*", EdgeTTL: cdn.Month, BrowserTTL: cdn.Day},
				{Ref: "app", Path: "/app.js", EdgeTTL: cdn.Hour, BrowserTTL: cdn.Hour},
			},
			BypassPrefixes: []string{"/orders"},
			Record:         &cdn.Record{Name: pulumi.String("www"), Type: "CNAME", Content: loadBalancer},
		})
		if err != nil {
			return err
		}
		ctx.Export("cacheRules", edge.Rules)
		return nil
	})
}
