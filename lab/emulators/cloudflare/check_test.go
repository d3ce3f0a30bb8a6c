package cloudflare_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/scalestack/scalestack/lab/emulators/plugintest"
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

// refuses expects one mistake. A want that begins with API is one that the
// provider takes and creation fails with.
func refuses(t *testing.T, x plugintest.Type, in props, want string) {
	t.Helper()
	found := x.Check(in)
	if text, api := strings.CutPrefix(want, "API "); api {
		require.Empty(t, found, want)
		found, want = strings.Split(x.CreateError(in).Error(), "\n"), text
	}
	require.Len(t, found, 1, want)
	require.Contains(t, found[0], want)
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
		{with(rules(), props{"zoneId": "x"}), `API zoneId: "x" is not 32 hexadecimal digits`},
		{with(rules(), props{"zoneId": nil}), `API zoneId: "" is not 32 hexadecimal digits`},
		{with(rules(), props{"name": nil}), "name: is required"},
		{with(rules(), props{"kind": "root"}), `API kind: "root" is not possible in a zone`},
		{with(rules(), props{"phase": "httpRequestCacheSettings"}), `phase: "httpRequestCacheSettings" is not one of`},
		{with(rules(), props{"accountId": "a"}), "accountId: cannot be set beside zoneId"},
		{with(rules(rule("a", nil)), props{"phase": "http_ratelimit"}), "API rules[0].action: set_cache_settings is only possible in phase http_request_cache_settings"},
		{rules(rule("a", nil), rule("b", nil), rule("a", nil)), `API rules[2].ref: "a" is the ref of rules[0] already`},
		{rules(rule("a", props{"id": "1"})), "rules[0].id: is not a known input"},
		{rules(rule("a", props{"expression": ""})), "API rules[0].expression: is empty"},
		{rules(rule("a", props{"expression": nil})), "rules[0].expression: is required"},
		{rules(rule("a", props{"expression": `eq("x"`})), "API a bracket without its other half"},
		{rules(rule("a", props{"expression": `path eq "x`})), "API a quote that does not end"},
		{rules(rule("a", props{"expression": `)x(`})), "API a bracket without its other half"},
		{rules(rule("a", props{"expression": strings.Repeat("x", 4097)})), "API has 4097 characters, more than 4096"},
		{rules(rule("a", props{"action": "block"})), "API rules[0].action: the emulator knows only set_cache_settings"},
		{rules(rule("a", props{"actionParameters": nil})), "API rules[0].action: the emulator knows only set_cache_settings, with actionParameters"},
		{rules(rule("a", props{"ratelimit": props{"period": 10}})), "API rules[0].ratelimit: is only possible in phase http_ratelimit"},
		{rules(rule("a", props{"action": "bogus"})), `rules[0].action: "bogus" is not one of block`},
		{rules("no object"), "rules[0]: is not an object"},
		{parameters(props{"caches": true}), first + "caches: is not a known input"},
		{parameters(props{"cache": "true"}), first + "cache: is not true or false"},
		{parameters(props{"cache": false, "edgeTtl": props{"mode": "respect_origin"}}), "API " + first + "edgeTtl: is not possible with cache false"},
		{parameters(props{"browserTtl": props{"mode": "bypass_by_default"}}), first + `browserTtl.mode: "bypass_by_default" is not one of respect_origin, override_origin, bypass`},
		{parameters(props{"cacheReserve": props{}}), first + "cacheReserve.eligible: is required"},
		{edge(props{"mode": "overrideOrigin"}), first + `edgeTtl.mode: "overrideOrigin" is not one of respect_origin, override_origin, bypass_by_default`},
		{edge(props{"mode": "override_origin"}), first + "edgeTtl.default: is required with mode override_origin"},
		{edge(props{"mode": "respect_origin", "default": 60}), "API " + first + "edgeTtl.default: is only possible with mode override_origin"},
		{edge(props{"mode": "override_origin", "default": 31536001}), "API " + first + "edgeTtl.default: 31536001 is not between 7200 and 31536000 on the plan free"},
		{edge(props{"mode": "override_origin", "default": 7199}), "API " + first + "edgeTtl.default: 7199 is not between 7200 and"},
		{edge(props{"mode": "override_origin", "default": -1}), first + "edgeTtl.default: -1 is not at least 1"},
		{status(props{"value": 60}), "API " + first + "edgeTtl.statusCodeTtls[0]: statusCode or a range is required"},
		{status(props{"statusCode": 404}), "API " + first + "edgeTtl.statusCodeTtls[0].value: is not between -1 and"},
		{status(props{"statusCode": 99, "value": 60}), "API " + first + "edgeTtl.statusCodeTtls[0]: the status code 99 is not between 100 and 999"},
		{status(props{"value": 60, "statusCodeRanges": []any{props{"from": 500, "to": 400}}}), "API statusCodeTtls[0]: from 500 is not at most to 400"},
		{status(props{"value": 60, "statusCodeRanges": []any{props{}}}), "API statusCodeTtls[0]: statusCode or a range is required"},
		{status(props{"value": 60, "statusCodeRanges": []any{}}), "API statusCodeTtls[0]: statusCode or a range is required"},
		{query(props{}), "API " + first + "cacheKey.customKey.queryString: includes or excludes must name a parameter"},
		{query(props{"excludes": []any{"a"}}), "API queryString: names parameters, which the plan free does not allow"},
		{query(props{"excludes": []any{"*", "a"}}), `API queryString.excludes: "*" means all and must be alone`},
	} {
		refuses(t, x, c.in, c.want)
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
		"A similar configuration with rules already exists and overwriting will have unintended consequences; import it (it has id "+id+")")
	x.Named("other").Create(with(rules(), props{"phase": "http_request_transform"}))
	require.Len(t, load(t, dir, "ruleset"), 2)

	require.ErrorContains(t, x.CreateError(rules(rule("a", nil))), "A similar configuration with rules already exists",
		"what a killed run made is not taken up again")
	imported, err := x.Read("zone/"+zone+"/"+id, nil, nil)
	require.NoError(t, err)
	require.Equal(t, first, imported.Outputs)
	require.NoError(t, x.Delete(id, first))
	require.ErrorContains(t, x.Delete(id, first), "run pulumi refresh")
}

func TestCheckOfTheOthers(t *testing.T) {
	for _, c := range []struct {
		name string
		in   props
		want string
	}{
		{"TieredCache", props{"cacheType": "full"}, `cacheType: "full" is not one of smart, generic, off`},
		{"Argo", props{"smartRouting": true}, "smartRouting: is not a string"},
		{"ZoneCacheReserve", props{}, "enabled: is required"},
		{"ZoneSettingsOverride", props{"settings": props{"browserCacheTtl": 100}}, "settings.browserCacheTtl: 100 is not one of [0 30 60"},
		{"ZoneSettingsOverride", props{"settings": props{"cacheLevel": "standard"}}, `settings.cacheLevel: "standard" is not one of aggressive, basic, simplified`},
		{"ZoneSettingsOverride", props{"settings": props{"cachelevel": "basic"}}, "settings.cachelevel: is not a known input"},
		{"Record", props{"name": "a", "type": "A", "content": "a.test"}, `API content: "a.test" is not an IPv4 address`},
		{"Record", props{"name": "a", "type": "AAAA", "content": "192.0.2.1"}, `API content: "192.0.2.1" is not an IPv6 address`},
		{"Record", props{"name": "a", "type": "CNAME", "content": "https://a.test"}, "API is not a host name"},
		{"Record", props{"name": "a", "type": "TXT", "content": ""}, "API content: is empty"},
		{"Record", props{"name": "a", "type": "A"}, "content: exactly one of content, data and value is required"},
		{"Record", props{"name": "a", "type": "TXT", "content": "x", "proxied": true}, "API proxied: true is not possible for type TXT"},
		{"Record", props{"name": "a", "type": "A", "content": "192.0.2.1", "ttl": 300, "proxied": true}, "API ttl: 300 is not 1, which a proxied record must have"},
		{"Record", props{"name": "a", "type": "A", "content": "192.0.2.1", "ttl": 30}, "API ttl: 30 is not 1 (automatic) or between 60 and 86400"},
		{"UrlNormalizationSettings", props{"type": "RFC-3986", "scope": "both"}, `type: "RFC-3986" is not one of cloudflare, rfc3986`},
		{"PageRule", props{"target": "*a*b*c*d*", "actions": props{"waf": "on"}}, "API target: has 5 *, more than 4"},
		{"PageRule", props{"target": "x", "actions": props{}}, "API actions: must have at least one action"},
		{"PageRule", props{"target": "x", "actions": props{"browserCacheTtl": "1d"}}, `API actions.browserCacheTtl: "1d" is not a string of 0 or a number`},
		{"PageRule", props{"target": "x", "actions": props{"waf": "on", "forwardingUrl": props{"url": "y", "statusCode": 301}}}, "API stands alone"},
		{"PageRule", props{"target": "x", "priority": 0, "actions": props{"waf": "on"}}, "API priority: 0 is not between 1 and 1000"},
		{"PageRule", props{"target": "x", "actions": props{"edgeCacheTtl": 7199}}, "API actions.edgeCacheTtl: 7199 is below 7200, the least on the plan free"},
		{"PageRule", props{"target": "x", "actions": props{"cacheKeyFields": props{"host": props{"resolved": false}, "queryString": props{}, "user": props{"geo": false}}}},
			"API actions.cacheKeyFields: is not possible on the plan free"},
		{"ZoneSettingsOverride", props{"settings": props{"browserCacheTtl": 1200}}, "API settings.browserCacheTtl: 1200 is below 1800, the least on the plan free"},
		{"UrlNormalizationSettings", props{"type": "rfc3986", "scope": "all"}, `API scope: "all" is not one of incoming, both, none`},
		{"PageRule", props{"target": "x", "actions": props{"edgeCacheTtl": "7200"}}, "actions.edgeCacheTtl: is not an integer"},
	} {
		x, _ := typeOf(t, c.name)
		refuses(t, x, with(c.in, props{"zoneId": zone}), c.want)
	}
}

func TestRecordsThatExclude(t *testing.T) {
	x, _ := typeOf(t, "Record")
	in := props{"zoneId": zone, "name": "www", "type": "A", "content": "192.0.2.1"}
	_, state := x.Create(in)
	require.Equal(t, "www.example.com", state["hostname"].StringValue())
	require.True(t, state["proxiable"].BoolValue())
	require.ErrorContains(t, x.Named("other").CreateError(in), "the zone already has the same A record www.example.com")
	require.ErrorContains(t, x.CreateError(with(in, props{"name": "WWW.example.com"})), "the zone already has the same A record")
	require.ErrorContains(t, x.Named("other").CreateError(with(in, props{"type": "CNAME", "content": "a.test"})), "a CNAME stands alone")
	require.Empty(t, x.Diff(state, with(in, props{"name": "WWW."})))
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
