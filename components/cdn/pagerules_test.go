package cdn_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/cdn"
)

func pageArgs(plan cdn.Plan, rules ...cdn.Rule) *cdn.Args {
	return &cdn.Args{ZoneID: zoneID, Plan: plan, Mode: cdn.ModePageRules, Hostname: "www.example.com", Rules: rules}
}

func pageRule(t *testing.T, seen map[string]resource.PropertyMap, name string) (target string, priority int, actions map[string]any) {
	t.Helper()
	r, found := seen["cloudflare:index/pageRule:PageRule cdn-page-rule-"+name]
	require.True(t, found, "%s is not among %v", name, seen)
	return r["target"].StringValue(), int(r["priority"].NumberValue()), r["actions"].ObjectValue().Mappable()
}

// A URL takes the rule with the highest priority and no other.
func TestPageRulesInTheirOrder(t *testing.T) {
	args := pageArgs(cdn.PlanPro,
		cdn.Rule{Ref: "static", Path: "/static/*", EdgeTTL: cdn.Month, BrowserTTL: cdn.Day},
		cdn.Rule{Ref: "icon", Path: "/favicon.ico", BrowserTTL: 120, DeceptionArmor: pulumi.BoolRef(false), Disabled: true})
	args.BypassPrefixes = []string{"/orders", "/static/mine"}
	seen := deploy(t, args)
	require.NotContains(t, seen, "cloudflare:index/ruleset:Ruleset cdn-cache-rules", "cache rules would override page rules")
	bypass := map[string]any{"cacheLevel": "bypass"}
	for i, want := range []struct {
		name, target string
		actions      map[string]any
	}{
		{"bypass-everything-else", "www.example.com/*", bypass},
		{"/static/*", "www.example.com/static/*", map[string]any{
			"cacheLevel": "cache_everything", "edgeCacheTtl": 2592000.0, "browserCacheTtl": "86400", "cacheDeceptionArmor": "on"}},
		{"/favicon.ico", "www.example.com/favicon.ico", map[string]any{"cacheLevel": "cache_everything", "browserCacheTtl": "120"}},
		{"bypass-/static/mine", "www.example.com/static/mine*", bypass},
		{"bypass-parameters", "www.example.com/*;*", bypass},
		{"bypass-encoded", "www.example.com/*%*", bypass},
	} {
		target, priority, actions := pageRule(t, seen, want.name)
		require.Equal(t, want.target, target)
		require.Equal(t, i+1, priority, want.name)
		require.Equal(t, want.actions, actions, want.name)
	}
	require.Equal(t, "disabled", seen["cloudflare:index/pageRule:PageRule cdn-page-rule-/favicon.ico"]["status"].StringValue())
	require.Equal(t, "active", seen["cloudflare:index/pageRule:PageRule cdn-page-rule-/static/*"]["status"].StringValue())
	normal := seen["cloudflare:index/urlNormalizationSettings:UrlNormalizationSettings cdn-url-normalization"]
	require.Equal(t, "both", normal["scope"].StringValue())
	require.Equal(t, "rfc3986", normal["type"].StringValue())
	require.Len(t, seen, 6+4, "page rules, component, normalization, settings and tiered cache: %v", seen)
}

func TestPageRulesOnEnterprise(t *testing.T) {
	rule := cdn.Rule{Ref: "a", Path: "/a/*", EdgeTTL: 60, StrongETags: true, DeceptionArmor: pulumi.BoolRef(false), Query: cdn.Query{Mode: cdn.QueryExclude, Names: []string{"utm"}}}
	_, _, actions := pageRule(t, deploy(t, pageArgs(cdn.PlanEnterprise, rule)), "/a/*")
	host, user := map[string]any{"resolved": false}, map[string]any{"deviceType": false, "geo": false, "lang": false}
	require.Equal(t, map[string]any{
		"cacheLevel": "cache_everything", "edgeCacheTtl": 60.0, "respectStrongEtag": "on",
		"browserCacheTtl":    "0", // unsaid, the zone's own lifetime would apply
		"cacheTtlByStatuses": []any{map[string]any{"codes": "400-599", "ttl": -1.0}},
		"cacheKeyFields":     map[string]any{"host": host, "user": user, "queryString": map[string]any{"excludes": []any{"utm"}}},
	}, actions)
	for query, want := range map[string]map[string]any{cdn.QueryIgnore: {"ignore": true}, cdn.QueryInclude: {"includes": []any{"v"}}} {
		rule.Query = cdn.Query{Mode: query}
		if query == cdn.QueryInclude {
			rule.Query.Names = []string{"v"}
		}
		_, _, actions := pageRule(t, deploy(t, pageArgs(cdn.PlanEnterprise, rule)), "/a/*")
		require.Equal(t, map[string]any{"host": host, "user": user, "queryString": want}, actions["cacheKeyFields"], "the provider crashes on an empty block")
	}
}

// The API counts priorities without gaps: rules that are made at once get
// others than they ask for.
func TestPageRulesAreMadeOneAfterTheOther(t *testing.T) {
	dependencies := map[string][]string{}
	for _, one := range record(t, pageArgs(cdn.PlanPro)).All() {
		for _, urn := range one.RegisterRPC.GetDependencies() {
			dependencies[one.Name] = append(dependencies[one.Name], resource.URN(urn).Name())
		}
	}
	before := "cdn-url-normalization"
	for _, ref := range []string{"bypass-everything-else", "/static/*", "/images/*", "/js/*", "bypass-parameters", "bypass-encoded"} {
		require.Equal(t, []string{before}, dependencies["cdn-page-rule-"+ref], ref)
		before = "cdn-page-rule-" + ref
	}
}
