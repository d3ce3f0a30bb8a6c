package cdn

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const zone = "0123456789abcdef0123456789abcdef"

func rules(n int) []Rule {
	var out []Rule
	for i := range n {
		out = append(out, Rule{Ref: fmt.Sprintf("r%d", i), Path: fmt.Sprintf("/f%d/*", i), EdgeTTL: Day})
	}
	return out
}

func TestDefaultsAreValidOnEveryPlan(t *testing.T) {
	for plan := range plans {
		require.NoError(t, (&Args{ZoneID: zone, Plan: plan}).Validate(), plan)
	}
}

func TestValidateGivesOneClearErrorPerMistake(t *testing.T) {
	ttl := -1
	one := func(r Rule) *Args { return &Args{ZoneID: zone, Rules: []Rule{r}} }
	page := func(r Rule) *Args {
		r.Ref = "a"
		return &Args{ZoneID: zone, Plan: PlanPro, Mode: ModePageRules, Hostname: "www.example.com", Rules: []Rule{r}}
	}
	for name, c := range map[string]struct {
		args *Args
		want string
	}{
		"nil":               {nil, `zoneId: "" is not 32 hexadecimal digits`},
		"zone":              {&Args{ZoneID: "zone"}, `zoneId: "zone" is not 32 hexadecimal digits`},
		"plan":              {&Args{ZoneID: zone, Plan: "gold"}, `plan: "gold" is not one of free, pro, business, enterprise`},
		"too many":          {&Args{ZoneID: zone, Rules: rules(9)}, "rules: 9 and the 2 bypass rules make 11, plan free allows 10"},
		"browser ttl":       {&Args{ZoneID: zone, BrowserTTL: &ttl}, "browserTtl: -1 is not between 0 and 31536000"},
		"ref":               {one(Rule{Ref: "A b", Path: "/a"}), `rules[0].ref: "A b" is not 1 to 40 of a-z, 0-9 and -`},
		"reserved ref":      {one(Rule{Ref: "bypass-x", Path: "/a"}), `rules[0].ref: "bypass-x" begins with "bypass-", which the built-in rules use`},
		"ref twice":         {&Args{ZoneID: zone, Rules: []Rule{{Ref: "a", Path: "/a"}, {Ref: "a", Path: "/b"}}}, `rules[1].ref: "a" is taken by rules[0]`},
		"no match":          {one(Rule{Ref: "a"}), "rules[0]: has neither path nor extensions, one is required"},
		"relative":          {one(Rule{Ref: "a", Path: "static/*"}), `rules[0].path: "static/*" is not a path such as /static/* or /favicon.ico`},
		"inner star":        {one(Rule{Ref: "a", Path: "/a/*/b"}), `rules[0].path: "/a/*/b" is not a path such as /static/* or /favicon.ico`},
		"control character": {one(Rule{Ref: "a", Path: "/a\n"}), `rules[0].path: "/a\n" is not a path such as /static/* or /favicon.ico`},
		"everything":        {one(Rule{Ref: "a", Path: "/*"}), `rules[0].path: "/*" would cache every page of every user, name the folders`},
		"half folder":       {one(Rule{Ref: "a", Path: "/a*"}), `rules[0].path: "/a*" ends in *, which must follow a /`},
		"api":               {one(Rule{Ref: "a", Path: "/API/v1/*"}), `rules[0].path: "/API/v1/*" lies below /api, which is never cached`},
		"extension":         {one(Rule{Ref: "a", Extensions: []string{`c"s`}}), `rules[0].extensions[0]: "c\"s" is not 1 to 12 of a-z and 0-9, without the dot`},
		"edge ttl low":      {one(Rule{Ref: "a", Path: "/a", EdgeTTL: 60}), "rules[0].edgeTtl: 60 is below 7200 seconds, the least that plan free allows"},
		"edge ttl high":     {one(Rule{Ref: "a", Path: "/a", EdgeTTL: MaxTTL + 1}), "rules[0].edgeTtl: 31536001 is not between 0 and 31536000"},
		"query mode":        {one(Rule{Ref: "a", Path: "/a", Query: Query{Mode: "some"}}), `rules[0].query.mode: "some" is not one of all, ignore, include, exclude`},
		"query names":       {one(Rule{Ref: "a", Path: "/a", Query: Query{Names: []string{"v"}}}), "rules[0].query.names: 1 given, only modes include and exclude take names"},
		"query plan": {one(Rule{Ref: "a", Path: "/a", Query: Query{Mode: QueryInclude, Names: []string{"v"}}}),
			`rules[0].query.mode: "include" needs plan enterprise, the zone has free; all and ignore work on every plan`},
		"status ttl": {one(Rule{Ref: "a", Path: "/a", StatusTTLs: []StatusTTL{{From: 200, To: 299, TTL: -2}}}),
			"rules[0].statusTtls[0].ttl: -2 is not between -1 and 31536000"},
		"bypass case":    {&Args{ZoneID: zone, BypassPrefixes: []string{"/Orders"}}, `bypassPrefixes[0]: "/Orders" is not in lower case (matching ignores case)`},
		"bypass all":     {&Args{ZoneID: zone, BypassPrefixes: []string{"/"}}, `bypassPrefixes[0]: "/" would bypass the cache for everything`},
		"bypass pattern": {&Args{ZoneID: zone, BypassPrefixes: []string{"/a/*"}}, `bypassPrefixes[0]: "/a/*" is not a path prefix such as /orders`},
		"record type":    {&Args{ZoneID: zone, Record: &Record{Name: "www", Type: "MX", Content: "x"}}, `record.type: "MX" is not one of A, AAAA, CNAME`},
		"record content": {&Args{ZoneID: zone, Record: &Record{Name: "www", Type: "A", Content: "::1"}}, `record.content: "::1" is not an IPv4 address, as type A needs`},
		"no range":       {&Args{ZoneID: zone, EdgeRanges: []string{}}, "edgeRanges: is empty, the edge comes from somewhere; leave it out for the published ranges"},
		"range":          {&Args{ZoneID: zone, EdgeRanges: []string{"104.16.0.0"}}, `edgeRanges[0]: "104.16.0.0" is not an address range such as 104.16.0.0/13`},
		"range bits":     {&Args{ZoneID: zone, EdgeRanges: []string{"104.17.0.0/13"}}, `edgeRanges[0]: "104.17.0.0/13" has bits behind its mask, 104.16.0.0/13 has not`},
		"range wide":     {&Args{ZoneID: zone, EdgeRanges: []string{"0.0.0.0/0"}}, `edgeRanges[0]: "0.0.0.0/0" is wider than /8, which is no edge`},
		"range wide 6":   {&Args{ZoneID: zone, EdgeRanges: []string{"::/0"}}, `edgeRanges[0]: "::/0" is wider than /16, which is no edge`},
		"range twice":    {&Args{ZoneID: zone, EdgeRanges: []string{"2606:4700::/32", "2606:4700::/32"}}, `edgeRanges[1]: "2606:4700::/32" is edgeRanges[0] already`},
		"certificate":    {&Args{ZoneID: zone, OriginPulls: &OriginPulls{CertificateID: "mine"}}, `originPulls.certificateId: "mine" is not a certificate's id of 32 hexadecimal digits`},
		"pulls host":     {&Args{ZoneID: zone, OriginPulls: &OriginPulls{CertificateID: zone, Hostname: "a b"}}, `originPulls.hostname: "a b" is not a host name`},
		"mode":           {&Args{ZoneID: zone, Mode: "rules"}, `mode: "rules" is not one of cacheRules, pageRules`},
		"hostname":       {&Args{ZoneID: zone, Hostname: "www.example.com"}, `hostname: "www.example.com" given, only mode pageRules uses it`},
		"no hostname":    {&Args{ZoneID: zone, Plan: PlanPro, Mode: ModePageRules}, `hostname: "" is not a host name in lower case such as www.example.com, which mode pageRules needs`},
		"any hostname":   {&Args{ZoneID: zone, Plan: PlanPro, Mode: ModePageRules, Hostname: "*example.com"}, `hostname: "*example.com" is not a host name in lower case such as www.example.com, which mode pageRules needs`},
		"too many pages": {&Args{ZoneID: zone, Mode: ModePageRules, Hostname: "a.test"}, "rules: 3 and the 3 bypass rules make 6, plan free allows 3 page rules"},
		"page extension": {page(Rule{Path: "/a/*", BrowserTTL: Day, Extensions: []string{"css"}}),
			"rules[0].extensions: is not possible with mode pageRules: their * reaches into the query string, so that /users/1?x=.css would be cached; name a folder"},
		"page encoded": {page(Rule{Path: "/a%20b/*", BrowserTTL: Day}), `rules[0].path: "/a%20b/*" has % or ; in it, and mode pageRules never caches such a URL`},
		"page stale":   {page(Rule{Path: "/a/*", BrowserTTL: Day, RefuseStale: true}), "rules[0].serveStale: false is not possible with mode pageRules, which has no such setting; let the origin send no stale-while-revalidate"},
		"page query":   {page(Rule{Path: "/a/*", BrowserTTL: Day, Query: Query{Mode: QueryIgnore}}), `rules[0].query.mode: "ignore" needs plan enterprise with mode pageRules, the zone has pro; mode cacheRules takes it on every plan`},
		"page list": {page(Rule{Path: "/a/*", BrowserTTL: Day, Query: Query{Mode: QueryInclude, Names: []string{"v"}}}),
			`rules[0].query.mode: "include" needs plan enterprise, the zone has pro; all works on every plan`},
		"page status":    {page(Rule{Path: "/a/*", BrowserTTL: Day, StatusTTLs: ErrorsNotKept()}), "rules[0].statusTtls: a lifetime by status code needs plan enterprise with mode pageRules, the zone has pro; mode cacheRules takes it on every plan"},
		"page etag":      {page(Rule{Path: "/a/*", BrowserTTL: Day, StrongETags: true}), "rules[0].strongEtags: true needs plan enterprise with mode pageRules, the zone has pro; mode cacheRules takes it on every plan"},
		"page browser":   {page(Rule{Path: "/a/*"}), "rules[0].browserTtl: 0 (respect the origin) needs plan enterprise with mode pageRules, the zone has pro; mode cacheRules takes it on every plan"},
		"page edge ttl":  {page(Rule{Path: "/a/*", BrowserTTL: Day, EdgeTTL: 60}), "rules[0].edgeTtl: 60 is below 3600 seconds, the least that plan pro allows"},
		"pulls for host": {&Args{ZoneID: zone, OriginPulls: &OriginPulls{Hostname: "www.example.com"}}, `originPulls.hostname: "www.example.com" needs certificateId: the shared certificate is for the whole zone`},
	} {
		t.Run(name, func(t *testing.T) { require.EqualError(t, c.args.Validate(), c.want) })
	}
}

func TestValidateReportsAllMistakes(t *testing.T) {
	err := (&Args{ZoneID: "x", Plan: "gold", Rules: []Rule{{Ref: "a"}}}).Validate()
	require.Len(t, strings.Split(err.Error(), "\n"), 3)
}

func TestEnterpriseFeaturesPassOnEnterprise(t *testing.T) {
	require.NoError(t, (&Args{ZoneID: zone, Plan: PlanEnterprise, Rules: []Rule{{
		Ref: "a", Path: "/a/*", EdgeTTL: 1,
		Query: Query{Mode: QueryExclude, Names: []string{"utm_source"}},
	}}}).Validate())
}

func TestPageRulesByPlan(t *testing.T) {
	args := Args{ZoneID: zone, Mode: ModePageRules, Hostname: "www.example.com"}
	for plan, fits := range map[Plan]int{PlanPro: 17, PlanBusiness: 47, PlanEnterprise: 122} {
		args.Plan = plan
		args.Rules = nil
		require.NoError(t, args.Validate(), "the defaults on %s", plan)
		for _, r := range args.withDefaults().Rules {
			require.Equal(t, plan == PlanEnterprise, r.StatusTTLs != nil, "below Enterprise page rules cannot say that errors are not kept")
		}
		zero := 0
		args.BrowserTTL = &zero
		args.Rules = rules(fits)
		require.NoError(t, args.Validate(), plan)
		args.Rules = rules(fits + 1)
		require.ErrorContains(t, args.Validate(), " page rules", plan)
	}
}

func TestDefaultsLeaveTheCallersArgsAlone(t *testing.T) {
	given := &Args{ZoneID: zone, Rules: []Rule{{Ref: "a", Path: "/a"}}}
	given.withDefaults()
	require.Equal(t, &Args{ZoneID: zone, Rules: []Rule{{Ref: "a", Path: "/a"}}}, given)
}
