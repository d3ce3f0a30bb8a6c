package cdn

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

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
func registerRules(z *cloudflareZone, a *Args) (pulumi.IDOutput, error) {
	if a.Mode == ModePageRules {
		return pulumi.ID("").ToIDOutput(), registerPageRules(z, a)
	}
	return z.ruleset("cache-rules", cacheRules(a))
}

// registerPageRules creates the rules one after the other, from the lowest priority up:
// the API numbers priorities without gaps, so rules that are created at once or from
// the top end up with other priorities (terraform-provider-cloudflare#187 and #1914).
// Whatever they depend on comes first.
func registerPageRules(z *cloudflareZone, a *Args) error {
	before, err := z.urlNormalization()
	if err != nil {
		return err
	}
	for i, r := range pageRules(a) {
		if before, err = z.pageRule(r, i+1, before); err != nil {
			return err
		}
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
