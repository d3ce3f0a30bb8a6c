package cdn

import (
	"fmt"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Mode is the product of Cloudflare that holds the rules.
type Mode string

// The modes.
const (
	// ModeCacheRules is one ruleset, and what Cloudflare develops.
	ModeCacheRules Mode = "cacheRules"
	// ModePageRules is for zones that still have page rules, which Cloudflare has
	// deprecated: fewer rules, and some settings only on Enterprise.
	ModePageRules Mode = "pageRules"
)

// registerRules makes what holds the rules and returns the ruleset's id, "" in
// a zone with page rules.
func registerRules(ctx *pulumi.Context, name string, a *Args, parent pulumi.ResourceOption) (pulumi.IDOutput, error) {
	if a.Mode == ModePageRules {
		return pulumi.ID("").ToIDOutput(), registerPageRules(ctx, name, a, parent)
	}
	ruleset, err := cloudflare.NewRuleset(ctx, name+"-cache-rules", rulesetArgs(a), parent)
	if err != nil {
		return pulumi.IDOutput{}, fmt.Errorf("cache rules: %w", err)
	}
	return ruleset.ID(), nil
}

// registerPageRules makes the rules one after the other, from the lowest
// priority up: the API counts priorities without gaps, so that rules made at
// once or from the top end up with others (terraform-provider-cloudflare#187
// and #1914). What they rely on comes first.
func registerPageRules(ctx *pulumi.Context, name string, a *Args, parent pulumi.ResourceOption) error {
	normalization, err := cloudflare.NewUrlNormalizationSettings(ctx, name+"-url-normalization", normalizationArgs(a), parent)
	if err != nil {
		return fmt.Errorf("URL normalization: %w", err)
	}
	var before pulumi.Resource = normalization
	for i, r := range pageRules(a) {
		rule, err := cloudflare.NewPageRule(ctx, name+"-page-rule-"+r.ref, pageRuleArgs(a, r, i+1), parent,
			pulumi.DependsOn([]pulumi.Resource{before}))
		if err != nil {
			return fmt.Errorf("page rule %s: %w", r.ref, err)
		}
		before = rule
	}
	return nil
}

// summary lists the rules in their order for the stack's outputs.
func summary(a *Args) []any {
	if a.Mode == ModePageRules {
		return pageSummary(a)
	}
	var rules []any
	for _, r := range a.Rules {
		rules = append(rules, map[string]any{
			"ref": r.Ref, "expression": r.expression(), "cache": !r.Disabled,
			"edgeTtl": r.EdgeTTL, "browserTtl": r.BrowserTTL,
		})
	}
	for _, b := range bypassRules(a) {
		rules = append(rules, map[string]any{"ref": b.ref, "expression": b.expression, "cache": false})
	}
	return rules
}
