package cloudflare_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func rule(ref string, changes props) props {
	return with(props{
		"ref": ref, "description": ref, "enabled": true, "action": "set_cache_settings",
		"expression": fmt.Sprintf("starts_with(http.request.uri.path, %q)", "/"+ref+"/"),
		"actionParameters": props{
			"cache":   true,
			"edgeTtl": props{"mode": "override_origin", "default": 86400},
		},
	}, changes)
}

func rules(list ...any) props {
	return props{"zoneId": zone, "kind": "zone", "name": "cache", "phase": "http_request_cache_settings", "rules": list}
}

func parameters(p props) props {
	return rules(rule("a", props{"actionParameters": p}))
}

func TestCheckOfRulesets(t *testing.T) {
	x, _ := typeOf(t, "Ruleset")
	edge := func(ttl props) props { return parameters(props{"cache": true, "edgeTtl": ttl}) }
	status := func(s props) props {
		return edge(props{"mode": "respect_origin", "statusCodeTtls": []any{s}})
	}
	query := func(q props) props {
		return parameters(props{"cache": true, "cacheKey": props{"customKey": props{"queryString": q}}})
	}
	const first = "rules[0].actionParameters."
	for _, c := range []struct {
		in   props
		want string
	}{
		{with(rules(), props{"zoneId": "x"}), `zoneId: "x" is not 32 hexadecimal digits`},
		{with(rules(), props{"zoneId": nil}), "zoneId: is required"},
		{with(rules(), props{"name": ""}), "name: is empty"},
		{with(rules(), props{"kind": "root"}), `kind: "root" is not one of zone`},
		{with(rules(), props{"phase": "httpRequestCacheSettings"}), `phase: "httpRequestCacheSettings" is not one of`},
		{with(rules(), props{"accountId": "a"}), "accountId: is not a known input"},
		{with(rules(rule("a", nil)), props{"phase": "http_ratelimit"}), "rules[0].action: set_cache_settings is only possible in phase http_request_cache_settings"},
		{rules(rule("a", nil), rule("b", nil), rule("a", nil)), `rules[2].ref: "a" is the ref of rules[0] already`},
		{rules(rule("a", props{"id": "1"})), "rules[0].id: is not a known input"},
		{rules(rule("a", props{"expression": ""})), "rules[0].expression: is empty"},
		{rules(rule("a", props{"expression": nil})), "rules[0].expression: is required"},
		{rules(rule("a", props{"expression": `eq("x"`})), "a bracket without its other half"},
		{rules(rule("a", props{"expression": `path eq "x`})), "a quote that does not end"},
		{rules(rule("a", props{"expression": `)x(`})), "a bracket without its other half"},
		{rules(rule("a", props{"expression": strings.Repeat("x", 4097)})), "has 4097 characters, more than 4096"},
		{rules(rule("a", props{"action": "block"})), `rules[0].action: "block" is not one of set_cache_settings`},
		{rules(rule("a", props{"actionParameters": nil})), "rules[0].actionParameters: is required"},
		{rules("no object"), "rules[0]: is not an object"},
		{parameters(props{"caches": true}), first + "caches: is not a known input"},
		{parameters(props{"cache": "true"}), first + "cache: is not true or false"},
		{parameters(props{"cache": false, "edgeTtl": props{"mode": "respect_origin"}}), first + "edgeTtl: is not possible with cache false"},
		{parameters(props{"browserTtl": props{"mode": "bypass_by_default"}}), first + `browserTtl.mode: "bypass_by_default" is not one of respect_origin, override_origin, bypass`},
		{parameters(props{"cacheReserve": props{}}), first + "cacheReserve.eligible: is required"},
		{edge(props{"mode": "overrideOrigin"}), first + `edgeTtl.mode: "overrideOrigin" is not one of respect_origin, override_origin, bypass_by_default`},
		{edge(props{"mode": "override_origin"}), first + "edgeTtl.default: is required with mode override_origin"},
		{edge(props{"mode": "respect_origin", "default": 60}), first + "edgeTtl.default: is only possible with mode override_origin"},
		{edge(props{"mode": "override_origin", "default": 31536001}), first + "edgeTtl.default: 31536001 is not between 0 and 31536000"},
		{edge(props{"mode": "override_origin", "default": -1}), first + "edgeTtl.default: -1 is not between 0 and"},
		{status(props{"value": 60}), first + "edgeTtl.statusCodeTtls[0].statusCode: exactly one of"},
		{status(props{"statusCode": 404}), first + "edgeTtl.statusCodeTtls[0].value: is required"},
		{status(props{"statusCode": 99, "value": 60}), first + "edgeTtl.statusCodeTtls[0].statusCode: 99 is not between 100 and 999"},
		{status(props{"value": 60, "statusCodeRanges": []any{props{"from": 500, "to": 400}}}), "statusCodeRanges[0].from: 500 is not at most to, 400"},
		{status(props{"value": 60, "statusCodeRanges": []any{props{}}}), "statusCodeRanges[0].from: from or to is required"},
		{status(props{"value": 60, "statusCodeRanges": []any{}}), "statusCodeRanges: must have one range"},
		{query(props{}), first + "cacheKey.customKey.queryString: exactly one of includes and excludes"},
		{query(props{"excludes": []any{"*", "a"}}), `queryString.excludes: "*" stands for all and must be alone`},
	} {
		found := x.Check(c.in)
		require.Len(t, found, 1, "%v", c.want)
		require.Contains(t, found[0], c.want)
	}
	for _, in := range []props{
		rules(),
		edge(props{"mode": "bypass_by_default"}),
		status(props{"statusCode": 404, "value": -1}),
		status(props{"value": 0, "statusCodeRanges": []any{props{"from": 500}}}),
		query(props{"excludes": []any{"*"}}),
		parameters(props{"cache": false, "browserTtl": props{"mode": "bypass"}}),
		rules(rule("a", props{"expression": `http.request.uri.path eq "a\")"`})),
	} {
		require.Empty(t, x.Check(in))
	}
}

func TestRuleIDsStayByRef(t *testing.T) {
	x, _ := typeOf(t, "Ruleset")
	ids := func(state map[string]any) map[string]any {
		found := map[string]any{}
		for _, r := range state["rules"].([]any) {
			found[r.(props)["ref"].(string)] = r.(props)["id"]
		}
		return found
	}
	id, state := x.Create(rules(rule("a", nil), rule("b", nil)))
	before := ids(state.Mappable())

	now, err := x.Update(id, state, rules(rule("c", nil), rule("b", props{"enabled": false}), rule("a", nil)))
	require.NoError(t, err)
	after := ids(now.Mappable())
	require.Equal(t, before["a"], after["a"])
	require.Equal(t, before["b"], after["b"])
	require.NotContains(t, []any{before["a"], before["b"], ""}, after["c"])

	nameless := rules(rule("a", props{"ref": nil}))
	now, err = x.Update(id, now, nameless)
	require.NoError(t, err)
	require.Len(t, ids(now.Mappable()), 1)
	require.Empty(t, x.Diff(now, nameless))
}

func TestDiffOfRulesShowsPaths(t *testing.T) {
	x, _ := typeOf(t, "Ruleset")
	_, state := x.Create(rules(rule("a", nil)))
	longer := props{"cache": true, "edgeTtl": props{"mode": "override_origin", "default": 1}}
	require.Equal(t, []string{"rules[0].actionParameters.edgeTtl.default update", "rules[1] add"},
		x.Diff(state, rules(rule("a", props{"actionParameters": longer}), rule("b", nil))))
	require.Equal(t, []string{"rules delete"}, x.Diff(state, with(rules(), props{"rules": nil})))
	require.Empty(t, x.Diff(state, rules(rule("a", props{"enabled": nil}))), "enabled is the default")

	preview := x.Preview(rules(rule("a", nil)))
	require.True(t, preview["rules"].ArrayValue()[0].ObjectValue()["id"].IsComputed())
}

func TestOneRulesetPerPhase(t *testing.T) {
	x, dir := typeOf(t, "Ruleset")
	id, first := x.Create(rules(rule("a", nil)))
	require.ErrorContains(t, x.Named("other").CreateError(rules(rule("b", nil))),
		"the zone already has an entrypoint ruleset in phase http_request_cache_settings; a phase has one, with all rules in it (it has id "+id+")")
	x.Named("other").Create(with(rules(), props{"phase": "http_request_transform"}))
	require.Len(t, load(t, dir, "ruleset"), 2)

	again, second := x.Create(rules(rule("a", nil)))
	require.Equal(t, id, again, "what a killed run made is taken up again")
	require.Equal(t, first, second)
}

func TestCheckOfTheOthers(t *testing.T) {
	for _, c := range []struct {
		name string
		in   props
		want string
	}{
		{"TieredCache", props{"cacheType": "full"}, `cacheType: "full" is not one of smart, generic, off`},
		{"Argo", props{}, "smartRouting: is required unless tieredCaching is set"},
		{"Argo", props{"smartRouting": true}, "smartRouting: is not a string"},
		{"ZoneCacheReserve", props{}, "enabled: is required"},
		{"AuthenticatedOriginPulls", props{"enabled": true, "hostname": "a.test"}, "authenticatedOriginPullsCertificate: is required with hostname"},
		{"ZoneSettingsOverride", props{"settings": props{"browserCacheTtl": 100}}, "settings.browserCacheTtl: 100 is not one of [0 30 60"},
		{"ZoneSettingsOverride", props{"settings": props{"cacheLevel": "standard"}}, `settings.cacheLevel: "standard" is not one of aggressive, basic, simplified`},
		{"ZoneSettingsOverride", props{"settings": props{"cachelevel": "basic"}}, "settings.cachelevel: is not a known input"},
		{"Record", props{"name": "a", "type": "A", "content": "a.test"}, `content: "a.test" is not an IPv4 address`},
		{"Record", props{"name": "a", "type": "AAAA", "content": "192.0.2.1"}, `content: "192.0.2.1" is not an IPv6 address`},
		{"Record", props{"name": "a", "type": "CNAME", "content": "https://a.test"}, "is not a host name"},
		{"Record", props{"name": "a", "type": "TXT", "content": ""}, "content: is empty"},
		{"Record", props{"name": "a", "type": "A"}, "content: is required"},
		{"Record", props{"name": "a", "type": "TXT", "content": "x", "proxied": true}, "proxied: true is not possible for type TXT"},
		{"Record", props{"name": "a", "type": "A", "content": "192.0.2.1", "ttl": 300, "proxied": true}, "ttl: 300 is not 1, which a proxied record must have"},
		{"Record", props{"name": "a", "type": "A", "content": "192.0.2.1", "ttl": 30}, "ttl: 30 is not 1 (automatic) or between 60 and 86400"},
		{"UrlNormalizationSettings", props{"type": "RFC-3986", "scope": "both"}, `type: "RFC-3986" is not one of cloudflare, rfc3986`},
		{"PageRule", props{"target": "*a*b*c*d*", "actions": props{"waf": "on"}}, "target: has 5 *, more than 4"},
		{"PageRule", props{"target": "x", "actions": props{}}, "actions: must have at least one action"},
		{"PageRule", props{"target": "x", "actions": props{"browserCacheTtl": "1d"}}, `actions.browserCacheTtl: "1d" is not a string of a number`},
		{"PageRule", props{"target": "x", "actions": props{"waf": "on", "forwardingUrl": props{"url": "y", "statusCode": 301}}}, "stands alone"},
		{"PageRule", props{"target": "x", "actions": props{"edgeCacheTtl": "7200"}}, "actions.edgeCacheTtl: is not a whole number"},
	} {
		x, _ := typeOf(t, c.name)
		found := x.Check(with(c.in, props{"zoneId": zone}))
		require.Len(t, found, 1, "%v", c.want)
		require.Contains(t, found[0], c.want)
	}
}

func TestRecordsThatExclude(t *testing.T) {
	x, _ := typeOf(t, "Record")
	in := props{"zoneId": zone, "name": "www", "type": "A", "content": "192.0.2.1"}
	_, state := x.Create(in)
	require.Equal(t, "192.0.2.1", state["value"].StringValue())
	require.True(t, state["proxiable"].BoolValue())
	require.ErrorContains(t, x.Named("other").CreateError(in), "the zone already has the same A record www")
	require.ErrorContains(t, x.Named("other").CreateError(with(in, props{"type": "CNAME", "content": "a.test"})), "a CNAME stands alone")
	x.Create(with(in, props{"content": "192.0.2.2"}))
	x.Named("other").Create(with(in, props{"allowOverwrite": true}))
}

func TestOnePageRulePerTarget(t *testing.T) {
	x, _ := typeOf(t, "PageRule")
	in := props{"zoneId": zone, "target": "a.test/*", "actions": props{"cacheLevel": "bypass"}}
	x.Create(in)
	require.ErrorContains(t, x.Named("other").CreateError(in), "the zone already has a page rule for a.test/*")
}

func TestResourcesThatAreMadeAtOnceAllStay(t *testing.T) {
	x, dir := typeOf(t, "Record")
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			x.Create(props{"zoneId": zone, "name": fmt.Sprintf("h%d", i), "type": "A", "content": "192.0.2.1"})
		})
	}
	all.Wait()
	require.Len(t, load(t, dir, "record"), 20)
}
