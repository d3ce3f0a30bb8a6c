package cdn

import (
	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// ruleset registers the zone's rules of one phase. Any other name forces a
// replacement in the provider, which Cloudflare refuses as long as the first ruleset
// exists: an adopted ruleset keeps the name that somebody gave it.
func (z *cloudflareZone) ruleset(suffix string, set ruleset) (pulumi.IDOutput, error) {
	adoptable, err := z.adoptable(suffix, "zone/%s/<ruleset id>")
	if err != nil {
		return pulumi.IDOutput{}, err
	}
	made, err := cloudflare.NewRuleset(z.ctx, z.name+"-"+suffix, &cloudflare.RulesetArgs{
		ZoneId:      z.id.ToStringOutput(),
		Name:        pulumi.String(set.name),
		Description: pulumi.String(set.description),
		Kind:        pulumi.String("zone"),
		Phase:       pulumi.String(set.phase),
		Rules:       rulesetRules(set.rules),
	}, z.common, adoptable, pulumi.IgnoreChanges([]string{"name"}))
	if err != nil {
		return pulumi.IDOutput{}, wrap(set.name, err)
	}
	z.rulesets = append(z.rulesets, made)
	return made.ID(), nil
}

// rulesetRules always sets ref, description and enabled: what is left out here
// changes the rule's identity at the next update.
func rulesetRules(rules []zoneRule) cloudflare.RulesetRuleArray {
	var all cloudflare.RulesetRuleArray
	for _, r := range rules {
		args := &cloudflare.RulesetRuleArgs{
			Ref:         pulumi.String(r.ref),
			Description: pulumi.String(r.description),
			Expression:  pulumi.String(r.expression),
			Enabled:     pulumi.Bool(!r.disabled),
		}
		if r.limit != nil {
			args.Action, args.Ratelimit = pulumi.String("block"), rateArgs(r.limit)
		} else {
			args.Action, args.ActionParameters = pulumi.String("set_cache_settings"), cacheParameters(r.cache)
		}
		all = append(all, args)
	}
	return all
}

// rateArgs count by address, which all plans can, and by data centre, which all must.
func rateArgs(l *RateLimit) *cloudflare.RulesetRuleRatelimitArgs {
	return &cloudflare.RulesetRuleRatelimitArgs{
		Characteristics:   pulumi.ToStringArray([]string{"cf.colo.id", "ip.src"}),
		Period:            pulumi.Int(l.Period),
		RequestsPerPeriod: pulumi.Int(l.Requests),
		MitigationTimeout: pulumi.Int(l.Timeout),
	}
}

// cacheParameters say what to cache; nil bypasses the cache.
func cacheParameters(r *Rule) *cloudflare.RulesetRuleActionParametersArgs {
	if r == nil {
		return &cloudflare.RulesetRuleActionParametersArgs{Cache: pulumi.Bool(false)}
	}
	p := &cloudflare.RulesetRuleActionParametersArgs{
		Cache:      pulumi.Bool(true),
		EdgeTtl:    edgeTTL(r),
		BrowserTtl: browserTTL(r),
	}
	if key := cacheKey(r); key != nil {
		p.CacheKey = key
	}
	if !*r.ServeStale {
		p.ServeStale = &cloudflare.RulesetRuleActionParametersServeStaleArgs{DisableStaleWhileUpdating: pulumi.Bool(true)}
	}
	if r.StrongETags {
		p.RespectStrongEtags = pulumi.Bool(true)
	}
	return p
}

func edgeTTL(r *Rule) *cloudflare.RulesetRuleActionParametersEdgeTtlArgs {
	ttl := &cloudflare.RulesetRuleActionParametersEdgeTtlArgs{Mode: pulumi.String("respect_origin")}
	if r.EdgeTTL > 0 {
		ttl.Mode, ttl.Default = pulumi.String("override_origin"), pulumi.Int(r.EdgeTTL)
	}
	if len(r.StatusTTLs) > 0 {
		ttl.StatusCodeTtls = statusTTLs(r.StatusTTLs)
	}
	return ttl
}

func browserTTL(r *Rule) *cloudflare.RulesetRuleActionParametersBrowserTtlArgs {
	if r.BrowserTTL == 0 {
		return &cloudflare.RulesetRuleActionParametersBrowserTtlArgs{Mode: pulumi.String("respect_origin")}
	}
	return &cloudflare.RulesetRuleActionParametersBrowserTtlArgs{
		Mode: pulumi.String("override_origin"), Default: pulumi.Int(r.BrowserTTL),
	}
}

func statusTTLs(ttls []StatusTTL) cloudflare.RulesetRuleActionParametersEdgeTtlStatusCodeTtlArray {
	var out cloudflare.RulesetRuleActionParametersEdgeTtlStatusCodeTtlArray
	for _, t := range ttls {
		out = append(out, &cloudflare.RulesetRuleActionParametersEdgeTtlStatusCodeTtlArgs{
			Value: pulumi.Int(*t.TTL),
			StatusCodeRanges: cloudflare.RulesetRuleActionParametersEdgeTtlStatusCodeTtlStatusCodeRangeArray{
				&cloudflare.RulesetRuleActionParametersEdgeTtlStatusCodeTtlStatusCodeRangeArgs{
					From: pulumi.Int(t.From), To: pulumi.Int(t.To),
				},
			},
		})
	}
	return out
}

// cacheKey returns nil for what Cloudflare does without one: the whole query
// string counts without a custom key.
func cacheKey(r *Rule) *cloudflare.RulesetRuleActionParametersCacheKeyArgs {
	key := &cloudflare.RulesetRuleActionParametersCacheKeyArgs{}
	if *r.DeceptionArmor {
		key.CacheDeceptionArmor = pulumi.Bool(true)
	}
	query := &cloudflare.RulesetRuleActionParametersCacheKeyCustomKeyQueryStringArgs{}
	switch r.Query.Mode {
	case QueryIgnore:
		query.Excludes = pulumi.ToStringArray([]string{"*"})
	case QueryInclude:
		query.Includes = pulumi.ToStringArray(r.Query.Names)
	case QueryExclude:
		query.Excludes = pulumi.ToStringArray(r.Query.Names)
	default:
		if !*r.DeceptionArmor {
			return nil
		}
		return key
	}
	key.CustomKey = &cloudflare.RulesetRuleActionParametersCacheKeyCustomKeyArgs{QueryString: query}
	return key
}
