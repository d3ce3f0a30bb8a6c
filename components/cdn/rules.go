package cdn

import (
	"slices"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// bypassRef begins the refs of the rules that the package adds by itself.
const bypassRef = "bypass-"

// api and authenticated are path prefixes whose answers depend on the caller
// or on the moment.
var (
	api           = []string{"/api", "/users", "/healthz", "/readyz", "/metrics"}
	authenticated = []string{"/auth", "/login", "/logout", "/account", "/admin"}
)

// ambiguous are parts of a path that two servers may read differently:
// doubled and encoded separators, dot segments, path parameters, encodings of
// encodings and of no character. The edge would take such a path for a cached
// folder's or for a file's by its extension, and the origin for a user's page.
var ambiguous = []string{"//", "/.", `\`, ";", "%2e", "%2f", "%5c", "%3b", "%25", "%00", "%c0", "%c1"}

// AlwaysBypassed returns the path prefixes that no setting makes cacheable.
func AlwaysBypassed() []string { return slices.Concat(api, authenticated) }

func bypassed(a *Args) []string { return slices.Concat(AlwaysBypassed(), a.BypassPrefixes) }

// bypassRule keeps requests out of the cache.
type bypassRule struct{ ref, description, expression string }

func bypassRules(a *Args) []bypassRule {
	return []bypassRule{
		{bypassRef + "api", "Never cache the API", anyOf(prefixes(slices.Concat(api, a.BypassPrefixes))...)},
		{bypassRef + "authenticated", "Never cache authenticated paths and requests, or what servers may take for one",
			anyOf(slices.Concat(prefixes(authenticated), []string{authorized}, ambiguities())...)},
	}
}

func ambiguities() []string {
	terms := make([]string, len(ambiguous))
	for i, part := range ambiguous {
		terms[i] = contains(fieldRawPathLower, part)
	}
	return terms
}

func prefixes(paths []string) []string {
	terms := make([]string, len(paths))
	for i, p := range paths {
		terms[i] = startsWith(fieldPathLower, p)
	}
	return terms
}

// rulesetRules renders the cacheable rules and then the bypass rules: all
// that match apply, and the last one wins.
func rulesetRules(a *Args) cloudflare.RulesetRuleArray {
	var rules cloudflare.RulesetRuleArray
	for _, r := range a.Rules {
		rules = append(rules, ruleArgs(r.Ref, r.Description, r.expression(), !r.Disabled, cacheParameters(r)))
	}
	for _, b := range bypassRules(a) {
		rules = append(rules, ruleArgs(b.ref, b.description, b.expression, true,
			&cloudflare.RulesetRuleActionParametersArgs{Cache: pulumi.Bool(false)}))
	}
	return rules
}

// ruleArgs always sets ref, description and enabled: what is left out here
// changes the rule's identity at the next update.
func ruleArgs(ref, description, expression string, enabled bool, p *cloudflare.RulesetRuleActionParametersArgs) *cloudflare.RulesetRuleArgs {
	return &cloudflare.RulesetRuleArgs{
		Ref:              pulumi.String(ref),
		Description:      pulumi.String(description),
		Expression:       pulumi.String(expression),
		Enabled:          pulumi.Bool(enabled),
		Action:           pulumi.String("set_cache_settings"),
		ActionParameters: p,
	}
}

func cacheParameters(r Rule) *cloudflare.RulesetRuleActionParametersArgs {
	p := &cloudflare.RulesetRuleActionParametersArgs{
		Cache:      pulumi.Bool(true),
		EdgeTtl:    edgeTTL(r),
		BrowserTtl: browserTTL(r),
	}
	if key := cacheKey(r); key != nil {
		p.CacheKey = key
	}
	if r.RefuseStale {
		p.ServeStale = &cloudflare.RulesetRuleActionParametersServeStaleArgs{DisableStaleWhileUpdating: pulumi.Bool(true)}
	}
	if r.StrongETags {
		p.RespectStrongEtags = pulumi.Bool(true)
	}
	return p
}

func edgeTTL(r Rule) *cloudflare.RulesetRuleActionParametersEdgeTtlArgs {
	ttl := &cloudflare.RulesetRuleActionParametersEdgeTtlArgs{Mode: pulumi.String("respect_origin")}
	if r.EdgeTTL > 0 {
		ttl.Mode, ttl.Default = pulumi.String("override_origin"), pulumi.Int(r.EdgeTTL)
	}
	if len(r.StatusTTLs) > 0 {
		ttl.StatusCodeTtls = statusTTLs(r.StatusTTLs)
	}
	return ttl
}

func browserTTL(r Rule) *cloudflare.RulesetRuleActionParametersBrowserTtlArgs {
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
			Value: pulumi.Int(t.TTL),
			StatusCodeRanges: cloudflare.RulesetRuleActionParametersEdgeTtlStatusCodeTtlStatusCodeRangeArray{
				&cloudflare.RulesetRuleActionParametersEdgeTtlStatusCodeTtlStatusCodeRangeArgs{
					From: pulumi.Int(t.From), To: pulumi.Int(t.To),
				},
			},
		})
	}
	return out
}

// cacheKey returns nil for what Cloudflare does without one.
func cacheKey(r Rule) *cloudflare.RulesetRuleActionParametersCacheKeyArgs {
	custom := queryKey(r.Query)
	if r.SkipArmor && custom == nil {
		return nil
	}
	key := &cloudflare.RulesetRuleActionParametersCacheKeyArgs{}
	if !r.SkipArmor {
		key.CacheDeceptionArmor = pulumi.Bool(true)
	}
	if custom != nil {
		key.CustomKey = custom
	}
	return key
}

// queryKey returns nil when the whole query string counts, as it does without
// a custom key.
func queryKey(q Query) *cloudflare.RulesetRuleActionParametersCacheKeyCustomKeyArgs {
	query := &cloudflare.RulesetRuleActionParametersCacheKeyCustomKeyQueryStringArgs{}
	switch q.Mode {
	case QueryIgnore:
		query.Excludes = pulumi.ToStringArray([]string{"*"})
	case QueryInclude:
		query.Includes = pulumi.ToStringArray(q.Names)
	case QueryExclude:
		query.Excludes = pulumi.ToStringArray(q.Names)
	default:
		return nil
	}
	return &cloudflare.RulesetRuleActionParametersCacheKeyCustomKeyArgs{QueryString: query}
}
