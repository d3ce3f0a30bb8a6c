package cdn

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/internal/settings"
)

// CDN is the edge of one zone: its rules, and the settings, tiered caching, Argo,
// DNS record and origin pulls that were asked for.
type CDN struct {
	pulumi.ResourceState

	// Rules are the zone's rules in their order, the last that matches wins: ref,
	// expression (a page rule's is its URL pattern), cache, edgeTtl and browserTtl
	// (in seconds, 0 respects the origin).
	Rules pulumi.ArrayOutput `pulumi:"rules"`
	// RulesetID identifies the zone's cache ruleset; "" with page rules.
	RulesetID pulumi.IDOutput `pulumi:"rulesetId"`
}

// New configures the zone. One zone takes one CDN: Cloudflare keeps a single
// cache ruleset per zone, and page rules count their priorities through all of it.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*CDN, error) {
	a := args.withDefaults()
	if err := settings.Err(settings.Validate(nil, a)); err != nil {
		return nil, err
	}
	c := &CDN{}
	if err := ctx.RegisterComponentResource("scalestack:cdn:CDN", name, c, opts...); err != nil {
		return nil, err
	}
	if err := c.register(&cloudflareZone{ctx: ctx, name: name, id: a.ZoneID, parent: pulumi.Parent(c)}, a); err != nil {
		return nil, fmt.Errorf("cdn %s: %w", name, err)
	}
	c.Rules = pulumi.ToArray(summary(a)).ToArrayOutput()
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"rules": c.Rules, "rulesetId": c.RulesetID})
}

func (c *CDN) register(z *cloudflareZone, a *Args) error {
	var err error
	if c.RulesetID, err = registerRules(z, a); err != nil {
		return err
	}
	if *a.ZoneSettings {
		if err := z.settings(*a.BrowserTTL); err != nil {
			return err
		}
	}
	if *a.TieredCache {
		if err := z.tieredCache(); err != nil {
			return err
		}
	}
	if a.Argo {
		if err := z.argo(); err != nil {
			return err
		}
	}
	if a.Record != nil {
		if err := z.record(a.Record); err != nil {
			return err
		}
	}
	if a.OriginPulls != nil {
		return z.originPulls(a.OriginPulls)
	}
	return nil
}
