package cdn

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/components/internal/component"
	"github.com/scalestack/scalestack/internal/settings"
)

// CDN is the edge of one zone: its rules and, as configured, the rate limit, settings,
// tiered caching, Argo, DNS record and origin pulls.
type CDN struct {
	pulumi.ResourceState

	// Rules are the zone's rules in order; the last match wins. Each has ref,
	// expression (for a page rule its URL pattern), cache, edgeTtl and browserTtl (in
	// seconds, 0 respects the origin).
	Rules pulumi.ArrayOutput `pulumi:"rules"`
	// RulesetID identifies the zone's cache ruleset; "" with page rules.
	RulesetID pulumi.IDOutput `pulumi:"rulesetId"`
}

// New configures the zone. A zone can have only one CDN: Cloudflare keeps a single
// cache ruleset per zone, and page rules share one sequence of priorities.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*CDN, error) {
	a := args.withDefaults()
	if err := settings.Err(settings.Validate(nil, a)); err != nil {
		return nil, err
	}
	c := &CDN{}
	if err := ctx.RegisterComponentResource("scalestack:cdn:CDN", name, c, opts...); err != nil {
		return nil, err
	}
	if err := c.register(newZone(ctx, name, a.ZoneID, c), a); err != nil {
		return nil, fmt.Errorf("cdn %s: %w", name, err)
	}
	c.Rules = pulumi.ToArray(summary(a)).ToArrayOutput()
	if err := c.sayWhatStays(ctx, a); err != nil {
		return nil, err
	}
	return c, ctx.RegisterResourceOutputs(c, component.Outputs(c))
}

// sayWhatStays reports in a preview what destroying the stack would leave in the zone,
// and what it would turn off.
func (c *CDN) sayWhatStays(ctx *pulumi.Context, a *Args) error {
	said := a.afterDestroy()
	if !ctx.DryRun() || len(said) == 0 {
		return nil
	}
	return ctx.Log.Info(strings.Join(said, "\n"), &pulumi.LogArgs{Resource: c})
}

// afterDestroy says what somebody who destroys the stack would not expect.
func (a *Args) afterDestroy() []string {
	var said []string
	if left := a.leftInZone(); len(left) > 0 {
		said = append(said, "pulumi destroy leaves these settings of the zone as they are: "+strings.Join(left, ", "))
	}
	if a.Argo != nil && *a.Argo {
		said = append(said, "pulumi destroy turns Argo off, and the zone's tiered caching with it; argo: false before it turns Argo off alone")
	}
	return said
}

// leftInZone lists the zone's settings that stay when the stack goes.
func (a *Args) leftInZone() []string {
	var left []string
	if *a.ZoneSettings {
		left = append(left, "cache level", "browser cache TTL")
	}
	if *a.TieredCache {
		left = append(left, "tiered caching")
	}
	if a.Mode == ModePageRules {
		left = append(left, "URL normalization")
	}
	return left
}

func (c *CDN) register(z *cloudflareZone, a *Args) error {
	var err error
	if c.RulesetID, err = registerRules(z, a); err != nil {
		return err
	}
	if *a.RateLimit.Enabled {
		if _, err := z.ruleset("rate-limit", rateLimit(a)); err != nil {
			return err
		}
	}
	z.afterRulesets()
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
	if a.Argo != nil {
		if err := z.argo(*a.Argo); err != nil {
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
