package cdn

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

const (
	zone  = pulumi.String("0123456789abcdef0123456789abcdef")
	aRef  = "must be 1 to 40 of a-z, 0-9 and '-'"
	aPath = "must be a path such as /static/* or /favicon.ico"
	aSite = "a host name in lower case such as www.example.com, which mode pageRules needs"
)

func rules(n int) []Rule {
	var out []Rule
	for i := range n {
		out = append(out, Rule{Ref: fmt.Sprintf("r%d", i), Path: fmt.Sprintf("/f%d/*", i), EdgeTTL: Day})
	}
	return out
}

func one(r Rule) *Args {
	if r.Ref == "" {
		r.Ref = "a"
	}
	return &Args{ZoneID: zone, Rules: []Rule{r}}
}

func page(plan Plan, r Rule) *Args {
	args := one(r)
	args.Plan, args.Mode, args.Hostname = plan, ModePageRules, "www.example.com"
	return args
}

type mistake struct {
	args *Args
	want string
}

func requireEach(t *testing.T, mistakes map[string]mistake) {
	t.Helper()
	for name, c := range mistakes {
		t.Run(name, func(t *testing.T) { require.EqualError(t, c.args.Validate(), c.want) })
	}
}

func TestDefaultsAreValidOnEveryPlan(t *testing.T) {
	for plan := range plans {
		require.NoError(t, (&Args{ZoneID: zone, Plan: plan}).Validate(), plan)
	}
}

// The page rules are for one host; on another one the edge caches users' files by their extension.
func TestPageRulesAreForTheRecordsHost(t *testing.T) {
	for name, valid := range map[string]bool{"www": true, "WWW.example.com.": true, "@": true, "*": true, "app": false, "ww": false, "example.com": false} {
		args := page(PlanPro, Rule{Path: "/a/*", BrowserTTL: Day})
		args.Record = &Record{Name: pulumi.String(name), Type: "CNAME", Content: pulumi.String("a.test")}
		if err := args.Validate(); valid {
			require.NoError(t, err, name)
		} else {
			require.EqualError(t, err, `hostname: Invalid value: "www.example.com": must be the host of record: on another one no rule keeps users' pages out of the cache`)
		}
	}
}

func TestMistakesInTheZone(t *testing.T) {
	requireEach(t, map[string]mistake{
		"nil":            {nil, "zoneId: Required value: 32 hexadecimal digits in lower case"},
		"empty zone":     {&Args{ZoneID: pulumi.String("")}, "zoneId: Required value: 32 hexadecimal digits in lower case"},
		"zone":           {&Args{ZoneID: pulumi.String("zone")}, `zoneId: Invalid value: "zone": must be 32 hexadecimal digits in lower case`},
		"plan":           {&Args{ZoneID: zone, Plan: "gold"}, `plan: Unsupported value: "gold": supported values: "free", "pro", "business", "enterprise"`},
		"mode":           {&Args{ZoneID: zone, Mode: "rules"}, `mode: Unsupported value: "rules": supported values: "cacheRules", "pageRules"`},
		"browser ttl":    {&Args{ZoneID: zone, BrowserTTL: pulumi.IntRef(-1)}, "browserTtl: Invalid value: -1: must be between 0 and 31536000"},
		"too many":       {&Args{ZoneID: zone, Rules: rules(9)}, "rules: Invalid value: 9: must be at most 8: plan free allows 10 rules, and 2 of them bypass the cache"},
		"ref twice":      {&Args{ZoneID: zone, Rules: []Rule{{Ref: "a", Path: "/a"}, {Ref: "a", Path: "/b"}}}, `rules[1].ref: Duplicate value: "a"`},
		"bypass case":    {&Args{ZoneID: zone, BypassPrefixes: []string{"/Orders"}}, `bypassPrefixes[0]: Invalid value: "/Orders": must be in lower case (matching ignores case)`},
		"bypass all":     {&Args{ZoneID: zone, BypassPrefixes: []string{"/"}}, `bypassPrefixes[0]: Invalid value: "/": must name a folder: this would match everything`},
		"bypass pattern": {&Args{ZoneID: zone, BypassPrefixes: []string{"/a/*"}}, `bypassPrefixes[0]: Invalid value: "/a/*": must be a path prefix such as /orders`},
		"bypass encoded": {&Args{ZoneID: zone, BypassPrefixes: []string{"/my%2dorders"}}, `bypassPrefixes[0]: Invalid value: "/my%2dorders": must be as rules see it, which is /my-orders`},
		"bypass dots":    {&Args{ZoneID: zone, BypassPrefixes: []string{"/a/../b"}}, `bypassPrefixes[0]: Invalid value: "/a/../b": must be as rules see it, which is /b`},
		"bypass raw":     {&Args{ZoneID: zone, BypassPrefixes: []string{"/a|b"}}, `bypassPrefixes[0]: Invalid value: "/a|b": must be as rules see it, which is /a%7cb`},
		"path encoded":   {one(Rule{Path: "/caf%c3%a9/*"}), `rules[0].path: Invalid value: "/caf%c3%a9/*": must be as rules see it, which is /caf%C3%A9/`},
		"bypass twice":   {&Args{ZoneID: zone, BypassPrefixes: []string{"/a", "/a"}}, `bypassPrefixes[1]: Duplicate value: "/a"`},
		"bypass nothing": {&Args{ZoneID: zone, BypassPrefixes: []string{""}}, `bypassPrefixes[0]: Invalid value: "": must be a path prefix such as /orders`},
		"hostname":       {&Args{ZoneID: zone, Hostname: "www.example.com"}, `hostname: Invalid value: "www.example.com": must be left out, only mode pageRules uses it`},
		"no hostname":    {&Args{ZoneID: zone, Plan: PlanPro, Mode: ModePageRules}, "hostname: Required value: " + aSite},
		"any hostname":   {&Args{ZoneID: zone, Plan: PlanPro, Mode: ModePageRules, Hostname: "*example.com"}, `hostname: Invalid value: "*example.com": must be ` + aSite},
		"no range":       {&Args{ZoneID: zone, EdgeRanges: []string{}}, "edgeRanges: Required value: an empty list lets nobody in; leave it out for the published ranges"},
		"range":          {&Args{ZoneID: zone, EdgeRanges: []string{"104.16.0.0"}}, `edgeRanges[0]: Invalid value: "104.16.0.0": must be an address range such as 203.0.113.0/24`},
		"range bits":     {&Args{ZoneID: zone, EdgeRanges: []string{"104.17.0.0/13"}}, `edgeRanges[0]: Invalid value: "104.17.0.0/13": must not have bits set after the mask, unlike 104.16.0.0/13`},
		"range wide":     {&Args{ZoneID: zone, EdgeRanges: []string{"0.0.0.0/0"}}, `edgeRanges[0]: Invalid value: "0.0.0.0/0": must not be wider than /8, which is no edge`},
		"range wide 6":   {&Args{ZoneID: zone, EdgeRanges: []string{"::/0"}}, `edgeRanges[0]: Invalid value: "::/0": must not be wider than /16, which is no edge`},
		"range twice":    {&Args{ZoneID: zone, EdgeRanges: []string{"2606:4700::/32", "2606:4700::/32"}}, `edgeRanges[1]: Duplicate value: "2606:4700::/32"`},
	})
}

func TestMistakesInWhatReachesTheOrigin(t *testing.T) {
	record := func(r Record) *Args { return &Args{ZoneID: zone, Record: &r} }
	pulls := func(p OriginPulls) *Args { return &Args{ZoneID: zone, OriginPulls: &p} }
	www, id := pulumi.String("www"), zone
	requireEach(t, map[string]mistake{
		"type":        {record(Record{Name: www, Type: "MX", Content: pulumi.String("x")}), `record.type: Unsupported value: "MX": supported values: "A", "AAAA", "CNAME"`},
		"name":        {record(Record{Name: pulumi.String("a b"), Type: "CNAME", Content: pulumi.String("x")}), `record.name: Invalid value: "a b": must be a host name`},
		"no name":     {record(Record{Type: "CNAME", Content: pulumi.String("x")}), "record.name: Required value: a string"},
		"no content":  {record(Record{Name: www, Type: "CNAME"}), "record.content: Required value: a string"},
		"A":           {record(Record{Name: www, Type: "A", Content: pulumi.String("::1")}), `record.content: Invalid value: "::1": must be an IPv4 address, as type A needs`},
		"AAAA":        {record(Record{Name: www, Type: "AAAA", Content: pulumi.String("192.0.2.1")}), `record.content: Invalid value: "192.0.2.1": must be an IPv6 address, as type AAAA needs`},
		"private":     {record(Record{Name: www, Type: "A", Content: pulumi.String("10.0.0.7")}), `record.content: Invalid value: "10.0.0.7": must be a public address, the edge reaches no other`},
		"local":       {record(Record{Name: www, Type: "AAAA", Content: pulumi.String("fe80::1%eth0")}), `record.content: Invalid value: "fe80::1%eth0": must be a public address, the edge reaches no other`},
		"CNAME":       {record(Record{Name: www, Type: "CNAME", Content: pulumi.String("192.0.2.1")}), `record.content: Invalid value: "192.0.2.1": must be a host name, as type CNAME needs`},
		"certificate": {pulls(OriginPulls{CertificateID: pulumi.String("mine")}), `originPulls.certificateId: Invalid value: "mine": must be the id of a certificate, 32 hexadecimal digits`},
		"host":        {pulls(OriginPulls{CertificateID: id, Hostname: pulumi.String("a b")}), `originPulls.hostname: Invalid value: "a b": must be a host name`},
		"for host":    {pulls(OriginPulls{Hostname: pulumi.String("www.example.com")}), "originPulls.certificateId: Required value: the shared certificate is for the whole zone, not for one hostname"},
	})
}

func TestMistakesInRules(t *testing.T) {
	status := func(s StatusTTL) *Args { return one(Rule{Path: "/a", StatusTTLs: []StatusTTL{s}}) }
	ttl := pulumi.IntRef(60)
	requireEach(t, map[string]mistake{
		"no ref":            {&Args{ZoneID: zone, Rules: []Rule{{Path: "/a"}}}, "rules[0].ref: Required value: a string"},
		"ref":               {one(Rule{Ref: "A b", Path: "/a"}), `rules[0].ref: Invalid value: "A b": ` + aRef},
		"reserved ref":      {one(Rule{Ref: "bypass-x", Path: "/a"}), `rules[0].ref: Invalid value: "bypass-x": must not begin with bypass-, which the built-in rules use`},
		"no match":          {one(Rule{}), "rules[0]: Required value: path, extensions or both"},
		"relative":          {one(Rule{Path: "static/*"}), `rules[0].path: Invalid value: "static/*": ` + aPath},
		"inner star":        {one(Rule{Path: "/a/*/b"}), `rules[0].path: Invalid value: "/a/*/b": ` + aPath},
		"control character": {one(Rule{Path: "/a\n"}), `rules[0].path: Invalid value: "/a\n": ` + aPath},
		"everything":        {one(Rule{Path: "/*"}), `rules[0].path: Invalid value: "/*": must name a folder: this would cache every page of every user`},
		"half folder":       {one(Rule{Path: "/a*"}), `rules[0].path: Invalid value: "/a*": must have a / before the *`},
		"api":               {one(Rule{Path: "/API/v1/*"}), `rules[0].path: Invalid value: "/API/v1/*": must not lie below /api, which is never cached`},
		"extension":         {one(Rule{Extensions: []string{`c"s`}}), `rules[0].extensions[0]: Invalid value: "c\"s": must be 1 to 12 of a-z and 0-9, without the dot`},
		"edge ttl low":      {one(Rule{Path: "/a", EdgeTTL: 60}), "rules[0].edgeTtl: Invalid value: 60: must be 0 or at least 7200, the least that plan free allows"},
		"edge ttl high":     {one(Rule{Path: "/a", EdgeTTL: MaxTTL + 1}), "rules[0].edgeTtl: Invalid value: 31536001: must be between 0 and 31536000"},
		"query mode":        {one(Rule{Path: "/a", Query: Query{Mode: "some"}}), `rules[0].query.mode: Unsupported value: "some": supported values: "all", "ignore", "include", "exclude"`},
		"query names":       {one(Rule{Path: "/a", Query: Query{Names: []string{"v"}}}), "rules[0].query.names: Forbidden: only modes include and exclude take names"},
		"query plan":        {one(Rule{Path: "/a", Query: Query{Mode: QueryInclude, Names: []string{"v"}}}), `rules[0].query.mode: Invalid value: "include": needs plan enterprise, the zone has free; all and ignore work on every plan`},
		"status ttl":        {status(StatusTTL{From: 200, To: 299, TTL: pulumi.IntRef(-2)}), "rules[0].statusTtls[0].ttl: Invalid value: -2: must be between -1 and 31536000"},
		"no status ttl":     {status(StatusTTL{From: 200, To: 299}), "rules[0].statusTtls[0].ttl: Required value: an integer between -1 and 31536000"},
		"no status":         {status(StatusTTL{To: 299, TTL: ttl}), "rules[0].statusTtls[0].from: Invalid value: 0: must be between 100 and 599"},
		"status order":      {status(StatusTTL{From: 300, To: 299, TTL: ttl}), "rules[0].statusTtls[0].to: Invalid value: 299: must be at least 300, it is below from"},
	})
}

func TestMistakesInPageRules(t *testing.T) {
	const enterprise = "needs plan enterprise with mode pageRules, the zone has pro; mode cacheRules takes it on every plan"
	pro := func(r Rule) *Args {
		r.Path, r.BrowserTTL = "/a/*", Day
		return page(PlanPro, r)
	}
	requireEach(t, map[string]mistake{
		"too many": {&Args{ZoneID: zone, Mode: ModePageRules, Hostname: "a.test"}, "rules: Invalid value: 3: must be at most 0: plan free allows 3 page rules, and 3 of them bypass the cache"},
		"url twice": {&Args{ZoneID: zone, Plan: PlanPro, Mode: ModePageRules, Hostname: "a.test", Rules: []Rule{
			{Ref: "a", Path: "/a/*", BrowserTTL: Day}, {Ref: "b", Path: "/a/*", BrowserTTL: Hour}}}, `rules[1].path: Duplicate value: "/a/*"`},
		"extension": {pro(Rule{Extensions: []string{"css"}}), "rules[0].extensions: Forbidden: mode pageRules has none: their * reaches into the query string, so that /users/1?x=.css would be cached; name a folder"},
		"encoded":   {page(PlanPro, Rule{Path: "/a%20b/*", BrowserTTL: Day}), `rules[0].path: Invalid value: "/a%20b/*": must not have % or ; in it, mode pageRules never caches such a URL`},
		"stale":     {pro(Rule{ServeStale: pulumi.BoolRef(false)}), "rules[0].serveStale: Invalid value: false: mode pageRules has no such setting; let the origin send no stale-while-revalidate"},
		"query":     {pro(Rule{Query: Query{Mode: QueryIgnore}}), `rules[0].query.mode: Invalid value: "ignore": ` + enterprise},
		"list":      {pro(Rule{Query: Query{Mode: QueryInclude, Names: []string{"v"}}}), `rules[0].query.mode: Invalid value: "include": needs plan enterprise, the zone has pro; all works on every plan`},
		"status":    {pro(Rule{StatusTTLs: ErrorsNotKept()}), "rules[0].statusTtls: Invalid value: 1: " + enterprise},
		"etag":      {pro(Rule{StrongETags: true}), "rules[0].strongEtags: Invalid value: true: " + enterprise},
		"browser":   {page(PlanPro, Rule{Path: "/a/*"}), "rules[0].browserTtl: Invalid value: 0: " + enterprise},
		"edge ttl":  {pro(Rule{EdgeTTL: 60}), "rules[0].edgeTtl: Invalid value: 60: must be 0 or at least 3600, the least that plan pro allows"},
	})
}

func TestValidateReportsAllMistakes(t *testing.T) {
	err := (&Args{ZoneID: pulumi.String("x"), Plan: "gold", Rules: []Rule{{Ref: "a"}}}).Validate()
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
		args.Plan, args.Rules, args.BrowserTTL = plan, nil, nil
		require.NoError(t, args.Validate(), "the defaults on %s", plan)
		for _, r := range args.withDefaults().Rules {
			require.Equal(t, plan == PlanEnterprise, r.StatusTTLs != nil, "below Enterprise page rules cannot say that errors are not kept")
		}
		args.BrowserTTL = pulumi.IntRef(0)
		args.Rules = rules(fits)
		require.NoError(t, args.Validate(), plan)
		args.Rules = rules(fits + 1)
		require.ErrorContains(t, args.Validate(), " page rules", plan)
	}
}

func TestDefaultsLeaveTheCallersArgsAlone(t *testing.T) {
	given := one(Rule{Path: "/a", EdgeTTL: Day})
	given.withDefaults()
	require.Equal(t, one(Rule{Path: "/a", EdgeTTL: Day}), given)
}

func TestDefaults(t *testing.T) {
	d := (&Args{ZoneID: zone}).withDefaults()
	require.Equal(t, []any{PlanFree, ModeCacheRules, Day, true, true},
		[]any{d.Plan, d.Mode, *d.BrowserTTL, *d.ZoneSettings, *d.TieredCache})
	require.Len(t, d.Rules, 3)
	for _, r := range d.Rules {
		require.True(t, *r.ServeStale && *r.DeceptionArmor, r.Ref)
		require.Equal(t, QueryAll, r.Query.Mode)
		require.Equal(t, "Cache "+r.Path, r.Description)
	}
	require.Empty(t, (&Args{ZoneID: zone, Rules: []Rule{}}).withDefaults().Rules, "an empty list is not the default")
}

func TestLeftInZone(t *testing.T) {
	args := page(PlanPro, Rule{Path: "/a/*", BrowserTTL: Day})
	require.Equal(t, []string{"cache level", "browser cache TTL", "tiered caching", "URL normalization"}, args.withDefaults().leftInZone())
	args = &Args{ZoneSettings: pulumi.BoolRef(false), TieredCache: pulumi.BoolRef(false)}
	require.Empty(t, args.withDefaults().leftInZone())
}
