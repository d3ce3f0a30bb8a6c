package cdn

import (
	"fmt"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// CDN is the edge of one zone.
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
	if err := args.Validate(); err != nil {
		return nil, err
	}
	a := args.withDefaults()
	c := &CDN{}
	if err := ctx.RegisterComponentResource("scalestack:cdn:CDN", name, c, opts...); err != nil {
		return nil, err
	}
	ruleset, err := registerRules(ctx, name, a, pulumi.Parent(c))
	if err != nil {
		return nil, err
	}
	if err := registerZone(ctx, name, a, pulumi.Parent(c)); err != nil {
		return nil, err
	}
	c.RulesetID = ruleset
	c.Rules = pulumi.ToArray(summary(a)).ToArrayOutput()
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"rules": c.Rules, "rulesetId": c.RulesetID})
}

// registerZone makes what the zone has beside its rules.
func registerZone(ctx *pulumi.Context, name string, a *Args, parent pulumi.ResourceOption) error {
	if !a.SkipZoneSettings {
		if _, err := cloudflare.NewZoneSettingsOverride(ctx, name+"-zone-settings", settingsArgs(a), parent); err != nil {
			return fmt.Errorf("zone settings: %w", err)
		}
	}
	if !a.SkipTieredCache {
		if _, err := cloudflare.NewTieredCache(ctx, name+"-tiered-cache", tieredCacheArgs(a), parent); err != nil {
			return fmt.Errorf("tiered cache: %w", err)
		}
	}
	if a.Argo {
		if _, err := cloudflare.NewArgo(ctx, name+"-argo", argoArgs(a), parent); err != nil {
			return fmt.Errorf("argo: %w", err)
		}
	}
	if a.Record != nil {
		if _, err := cloudflare.NewRecord(ctx, name+"-record", recordArgs(a), parent); err != nil {
			return fmt.Errorf("record: %w", err)
		}
	}
	if a.OriginPulls != nil {
		if _, err := cloudflare.NewAuthenticatedOriginPulls(ctx, name+"-origin-pulls", originPullsArgs(a), parent); err != nil {
			return fmt.Errorf("authenticated origin pulls: %w", err)
		}
	}
	return nil
}

func rulesetArgs(a *Args) *cloudflare.RulesetArgs {
	return &cloudflare.RulesetArgs{
		ZoneId:      pulumi.String(a.ZoneID),
		Name:        pulumi.String("scalestack cache rules"),
		Description: pulumi.String("What the edge caches and what it must not"),
		Kind:        pulumi.String("zone"),
		Phase:       pulumi.String("http_request_cache_settings"),
		Rules:       rulesetRules(a),
	}
}

// settingsArgs sets the level that the dashboard calls Standard, whose name
// in the API is aggressive.
func settingsArgs(a *Args) *cloudflare.ZoneSettingsOverrideArgs {
	return &cloudflare.ZoneSettingsOverrideArgs{
		ZoneId: pulumi.String(a.ZoneID),
		Settings: &cloudflare.ZoneSettingsOverrideSettingsArgs{
			CacheLevel:      pulumi.String("aggressive"),
			BrowserCacheTtl: pulumi.Int(*a.BrowserTTL),
		},
	}
}

func tieredCacheArgs(a *Args) *cloudflare.TieredCacheArgs {
	return &cloudflare.TieredCacheArgs{ZoneId: pulumi.String(a.ZoneID), CacheType: pulumi.String("smart")}
}

func argoArgs(a *Args) *cloudflare.ArgoArgs {
	return &cloudflare.ArgoArgs{ZoneId: pulumi.String(a.ZoneID), SmartRouting: pulumi.String("on")}
}

func recordArgs(a *Args) *cloudflare.RecordArgs {
	return &cloudflare.RecordArgs{
		ZoneId:  pulumi.String(a.ZoneID),
		Name:    pulumi.String(a.Record.Name),
		Type:    pulumi.String(a.Record.Type),
		Content: pulumi.String(a.Record.Content),
		Proxied: pulumi.Bool(true),
	}
}
