package main

import (
	"fmt"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/policies/rule"
	"github.com/scalestack/scalestack/stack"
)

const zone = "Ruleset cdn-cache-rules"

// tunnelTo adds a tunnel, which no environment has.
func tunnelTo(host, last string, warp bool) edit {
	return func(_ *testing.T, g rule.Graph) rule.Graph {
		return append(g, rule.Resource{Type: "cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig", Name: "tunnel", URN: "urn:tunnel", Properties: map[string]any{
			"config": map[string]any{
				"warpRouting": map[string]any{"enabled": warp},
				"ingressRules": []any{
					map[string]any{"hostname": host, "service": "http://app"}, map[string]any{"service": last},
				},
			},
		}})
	}
}

const tunnelRules = "ZeroTrustTunnelCloudflaredConfig tunnel"

// proxied is a tunnel in which one value is another.
func proxied(path string, value any) []edit {
	return edits(tunnelTo("www.example.com", "http_status:404", false), set(tunnelRules, path, value))
}

func routeOf(token string) edit {
	return func(_ *testing.T, g rule.Graph) rule.Graph {
		return append(g, rule.Resource{Type: token, Name: "route", URN: "urn:route", Properties: map[string]any{"network": "10.0.0.0/8"}})
	}
}

const appRoute, appGateway = "HTTPRoute gateway", "Gateway gateway"

// atGateway adds the app at a gateway of its own, which no environment has.
func atGateway() edit {
	return func(_ *testing.T, g rule.Graph) rule.Graph {
		object := func(kind, name string, spec map[string]any) rule.Resource {
			return rule.Resource{Type: "kubernetes:" + gatewayAPI + "/v1:" + kind, Name: kind + name, URN: "urn:" + kind + name, Properties: map[string]any{
				"metadata": map[string]any{"name": name, "namespace": "scalestack", "labels": map[string]any{
					"app.kubernetes.io/name": name, "app.kubernetes.io/instance": name,
					"app.kubernetes.io/part-of": "scalestack", "app.kubernetes.io/managed-by": "pulumi",
				}}, "spec": spec,
			}}
		}
		listener := func(name, protocol string) map[string]any {
			return map[string]any{
				"name": name, "protocol": protocol, "hostname": "www.example.com",
				"allowedRoutes": map[string]any{"namespaces": map[string]any{"from": "Same"}},
			}
		}
		route := func(section string, rules map[string]any) map[string]any {
			return map[string]any{
				"parentRefs": []any{map[string]any{"name": "gateway", "sectionName": section}},
				"hostnames":  []any{"www.example.com"}, "rules": []any{rules},
			}
		}
		return append(g,
			object("Gateway", "gateway", map[string]any{"listeners": []any{listener("https", "HTTPS"), listener("http", "HTTP")}}),
			object("HTTPRoute", "gateway", route("https", map[string]any{
				"matches":     []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": "/"}}},
				"backendRefs": []any{map[string]any{"name": "app", "port": 80}},
			})),
			object("HTTPRoute", "gateway-redirect", route("http", map[string]any{"filters": []any{map[string]any{"type": "RequestRedirect"}}})))
	}
}

// moreListeners adds a set with a listener without TLS to the Gateway.
func moreListeners(host string) edit {
	return declare("kubernetes:"+gatewayAPI+"/v1:ListenerSet", map[string]any{
		"parentRef": map[string]any{"name": "gateway"},
		"listeners": []any{map[string]any{"name": "http", "protocol": "HTTP", "hostname": host}},
	})
}

func cacheRule(expression string) map[string]any {
	return map[string]any{
		"ref": "extra", "description": "Extra", "enabled": true, "action": "set_cache_settings", "expression": expression,
		"actionParameters": map[string]any{"cache": true},
	}
}

// bypassOf keeps the paths below a prefix out of the cache.
func bypassOf(prefix string) map[string]any {
	return spelled(cacheRule(fmt.Sprintf("starts_with(http.request.uri.path, %q)", prefix)), "actionParameters", map[string]any{"cache": false})
}

// spelled writes a value of a rule in another way than the component does.
func spelled(rule map[string]any, name string, value any) map[string]any {
	rule[name] = value
	return rule
}

// pages adds page rules; the first has the highest priority.
func pages(rules ...map[string]any) edit {
	return func(_ *testing.T, g rule.Graph) rule.Graph {
		for i, properties := range rules {
			properties["zoneId"], properties["priority"] = "z", len(rules)-i
			name := properties["target"].(string)
			g = append(g, rule.Resource{Type: "cloudflare:index/pageRule:PageRule", Name: name, URN: "urn:" + name, Properties: properties})
		}
		return g
	}
}

func pageRuleOf(target, level string) map[string]any {
	return map[string]any{"target": target, "status": "active", "actions": map[string]any{"cacheLevel": level}}
}

// Page rules are a choice that no environment makes.
func TestThePageRulesOfTheComponentAreSilent(t *testing.T) {
	values := settings(t, "dev")
	values["scalestack:cdn"] = `{"enabled":true,"zoneId":"0123456789abcdef0123456789abcdef","plan":"pro","mode":"pageRules","hostname":"www.example.com"}`
	body, keep := stack.Program(localImages, someCluster)
	graph := recordProgram(t, "dev", body, func(info *pulumi.RunInfo) { info.Config = values }, keep)
	require.Len(t, graph.Of("PageRule"), 6)
	require.Empty(t, messages(violations("dev", graph)))
}

// A gateway is a choice that no environment makes.
func TestTheGatewayOfTheComponentIsSilent(t *testing.T) {
	values := settings(t, "dev")
	values["scalestack:externalSecrets"] = `["www-tls"]`
	values["scalestack:gateway"] = `{"enabled":true,"host":"www.example.com","service":"users","from":[{"namespaces":{"kubernetes.io/metadata.name":"gateways"}}],` +
		`"own":{"class":"traefik","secret":"www-tls","redirectPort":80}}`
	body, keep := stack.Program(localImages, someCluster)
	graph := recordProgram(t, "dev", body, func(info *pulumi.RunInfo) { info.Config = values }, keep)
	require.Len(t, graph.Of("HTTPRoute"), 2)
	require.Empty(t, messages(violations("dev", graph)))
}

// edgeMutations break the zone in front.
var edgeMutations = map[string]mutation{
	"tunnel to any host":      {policy: "tunnel-closed", says: `hostname is "*.example.com"`, edits: edits(tunnelTo("*.example.com", "http_status:404", false))},
	"tunnel without host":     {policy: "tunnel-closed", says: `hostname is ""`, edits: edits(tunnelTo("", "http_status:404", false))},
	"tunnel that ends open":   {policy: "tunnel-closed", says: `service is "http://app"`, edits: edits(tunnelTo("www.example.com", "http://app", false))},
	"tunnel into the network": {policy: "tunnel-closed", says: "warpRouting.enabled is true", edits: edits(tunnelTo("www.example.com", "http_status:404", true))},

	"tunnel into the network, the older name": {policy: "tunnel-closed", says: "warpRouting.enabled is true", edits: edits(
		tunnelTo("www.example.com", "http_status:404", true), retype("cloudflare:index/tunnelConfig:TunnelConfig"))},
	"tunnel into the network, in words": {policy: "tunnel-closed", says: `warpRouting.enabled is "true"`, edits: edits(
		tunnelTo("www.example.com", "http_status:404", false), set(tunnelRules, "config.warpRouting.enabled", "true"))},
	"tunnel as a jump host":     {policy: "tunnel-closed", says: `service is "bastion"`, edits: proxied("config.ingressRules[0].service", "bastion")},
	"tunnel as a SOCKS proxy":   {policy: "tunnel-closed", says: `service is "socks-proxy"`, edits: proxied("config.ingressRules[0].service", "socks-proxy")},
	"tunnel with a jump host":   {policy: "tunnel-closed", says: "bastionMode is true", edits: proxied("config.ingressRules[0].originRequest", map[string]any{"bastionMode": true})},
	"tunnel of jump hosts":      {policy: "tunnel-closed", says: `bastionMode is "true"`, edits: proxied("config.originRequest", []any{map[string]any{"bastionMode": "true"}})},
	"tunnel with a SOCKS proxy": {policy: "tunnel-closed", says: `proxyType is "socks"`, edits: proxied("config.ingressRules[0].originRequest", map[string]any{"proxyType": "socks"})},
	"tunnel to any host, version 6": {policy: "tunnel-closed", says: `ingresses[0].hostname is "*.example.com"`, edits: edits(
		tunnelTo("www.example.com", "http_status:404", false), set(tunnelRules, "config", map[string]any{"ingresses": []any{
			map[string]any{"hostname": "*.example.com", "service": "http://app"}, map[string]any{"service": "http_status:404"},
		}}))},
	"route into the network, version 6": {policy: "tunnel-closed", says: "the route is to the network", edits: edits(
		routeOf("cloudflare:index/zeroTrustTunnelCloudflaredRoute:ZeroTrustTunnelCloudflaredRoute"))},
	"route into the network": {policy: "tunnel-closed", says: `the route is to the network "10.0.0.0/8"`, edits: edits(
		routeOf("cloudflare:index/zeroTrustTunnelRoute:ZeroTrustTunnelRoute"))},
	"route into the network, the older name": {policy: "tunnel-closed", says: "TunnelRoute route: the route", edits: edits(
		routeOf("cloudflare:index/tunnelRoute:TunnelRoute"))},

	"route for every host":    {policy: "gateway-closed", says: `hostnames[0] is "*.example.com"`, edits: edits(atGateway(), set(appRoute, "spec.hostnames[0]", "*.example.com"))},
	"route without host":      {policy: "gateway-closed", says: "HTTPRoute scalestack/gateway", edits: edits(atGateway(), set(appRoute, "spec.hostnames", []any{}))},
	"route on every listener": {policy: "gateway-closed", says: "the name of a listener", edits: edits(atGateway(), unset(appRoute, "spec.parentRefs[0].sectionName"))},
	"route without TLS":       {policy: "gateway-closed", says: `listeners[1].protocol is "HTTP"`, edits: edits(atGateway(), set(appRoute, "spec.parentRefs[0].sectionName", "http"))},
	"listener for every host": {policy: "gateway-closed", says: "one whole host name", edits: edits(atGateway(), unset(appGateway, "spec.listeners[0].hostname"))},
	"listener for everybody":  {policy: "gateway-closed", says: `from is "All"`, edits: edits(atGateway(), set(appGateway, "spec.listeners[0].allowedRoutes.namespaces.from", "All"))},
	"listeners of everybody":  {policy: "gateway-closed", says: `allowedListeners.namespaces.from is "All"`, edits: edits(atGateway(), set(appGateway, "spec.allowedListeners", map[string]any{"namespaces": map[string]any{"from": "All"}}))},
	"set for every host":      {policy: "gateway-closed", says: `ListenerSet scalestack/spare: spec.listeners[0].hostname is "*.example.com"`, edits: edits(atGateway(), moreListeners("*.example.com"))},
	"set for every host, as an experiment": {policy: "gateway-closed", says: `XListenerSet scalestack/spare: spec.listeners[0].hostname is "*.example.com"`, edits: edits(
		atGateway(), moreListeners("*.example.com"), retype("kubernetes:gateway.networking.x-k8s.io/v1alpha1:XListenerSet"))},
	"route without TLS at a set": {policy: "gateway-closed", says: `ListenerSet scalestack/spare: spec.listeners[0].protocol is "HTTP"`, edits: edits(atGateway(), moreListeners("www.example.com"),
		set(appRoute, "spec.parentRefs[0]", map[string]any{"kind": "ListenerSet", "name": "spare", "sectionName": "http"}))},
	"service for others' routes": {policy: "gateway-closed", says: `to[0].kind is "Service"`, edits: edits(declare("kubernetes:"+gatewayAPI+"/v1:ReferenceGrant", map[string]any{
		"from": []any{map[string]any{"group": gatewayAPI, "kind": "HTTPRoute", "namespace": "others"}}, "to": []any{map[string]any{"group": "", "kind": "Service"}},
	}))},
	"metrics through a route": {policy: "metrics-private", says: "a metrics port open to the public", edits: edits(atGateway(), set("Service app", "spec.ports[0].targetPort", "metrics"))},
	"metrics path of a route": {policy: "metrics-private", says: `value is "/metrics"`, edits: edits(atGateway(), set(appRoute, "spec.rules[0].matches[0].path.value", "/metrics"))},

	"API cached last":      {policy: "cache-private", says: "(extra) is able to cache /api,", edits: edits(add(zone, "rules", cacheRule(`starts_with(http.request.uri.path, "/a")`)))},
	"users cached last":    {policy: "cache-private", says: "able to cache /users/7,", edits: edits(add(zone, "rules", cacheRule(`http.request.uri.path eq "/users/7"`)))},
	"styles of users":      {policy: "cache-private", says: "able to cache /api/7.css,", edits: edits(add(zone, "rules", cacheRule(`http.request.uri.path.extension in {"css" "js"}`)))},
	"authenticated static": {policy: "cache-private", says: "/static/logo.css with an Authorization header", edits: edits(add(zone, "rules", cacheRule(`starts_with(http.request.uri.path, "/static/") and not ends_with(http.request.uri.path, ".map")`)))},
	"unreadable rule last": {policy: "cache-private", says: "able to cache /api,", edits: edits(add(zone, "rules", cacheRule(`http.request.uri.path matches "^/static"`)))},
	"bypass removed":       {policy: "cache-private", says: "able to cache /users,", edits: edits(set(zone, "rules[0].expression", `not starts_with(http.request.uri.path, "/api")`), set(zone, "rules[3].enabled", false))},
	"private styles kept": {policy: "cache-private", says: "able to cache /api/7.css,", edits: edits(set(zone, "rules", []any{
		spelled(cacheRule(`http.request.uri.path.extension eq "css"`), "actionParameters", map[string]any{"edgeTtl": map[string]any{"mode": "override_origin", "default": 7200.0}}),
	}))},
	"header forgotten": {policy: "cache-private", says: "/static/logo.css with an Authorization header", edits: edits(set(zone, "rules[4].expression", `starts_with(http.request.uri.path, "/admin")`))},
	"bypass of one scheme": {policy: "cache-private", says: "with an Authorization header", edits: edits(
		set(zone, "rules[4].expression", `any(http.request.headers["authorization"][*] contains "Bearer")`))},
	"bypass only by chance": {policy: "cache-private", says: "able to cache", edits: edits(
		set(zone, "rules[4].expression", `any(http.request.headers["authorization"][*] ne "") and ip.src eq 192.0.2.1`))},

	"bypass turned off by a string": {policy: "cache-private", says: "able to cache", edits: edits(
		add(zone, "rules", cacheRule(`starts_with(http.request.uri.path, "/a")`)), add(zone, "rules", spelled(bypassOf("/a"), "enabled", "false")))},
	"caching by a string":  {policy: "cache-private", says: "able to cache /api,", edits: edits(add(zone, "rules", spelled(cacheRule(`true`), "actionParameters", map[string]any{"cache": "true"})))},
	"caching in a list":    {policy: "cache-private", says: "able to cache /api,", edits: edits(add(zone, "rules", spelled(cacheRule(`true`), "actionParameters", []any{map[string]any{"cache": true}})))},
	"caching unreadably":   {policy: "cache-private", says: "able to cache /api,", edits: edits(add(zone, "rules", spelled(cacheRule(`true`), "actionParameters", map[string]any{"cache": "yes"})))},
	"bypass by no boolean": {policy: "cache-private", says: "able to cache", edits: edits(add(zone, "rules", cacheRule(`true`)), add(zone, "rules", spelled(bypassOf("/"), "enabled", "on")))},

	"page rule with its actions in a list": {policy: "page-rules-private", says: "a.test/*, which caches a.test/api/7,", edits: edits(pages(
		spelled(pageRuleOf("a.test/*", ""), "actions", []any{map[string]any{"cacheLevel": "cache_everything"}})))},
	"page rule with its priority as a string": {policy: "page-rules-private", says: "a.test/*, which caches a.test/api/7,", edits: edits(
		pages(pageRuleOf("a.test/*", "bypass"), pageRuleOf("a.test/x*", "cache_everything")), func(t *testing.T, g rule.Graph) rule.Graph {
			return set("PageRule a.test/x*", "target", "a.test/*")(t, set("PageRule a.test/x*", "priority", "9")(t, g))
		})},

	"page rule for all":       {policy: "page-rules-private", says: "a.test/*, which caches a.test/api/7,", edits: edits(pages(pageRuleOf("a.test/*", "cache_everything")))},
	"page rule in a query":    {policy: "page-rules-private", says: "caches a.test/api/7.css,", edits: edits(pages(pageRuleOf("a.test/*.css", "cache_everything")))},
	"page rule of any host":   {policy: "page-rules-private", says: "caches example.com/api/7?/static/a.css,", edits: edits(pages(pageRuleOf("*/static/*", "cache_everything"), pageRuleOf("a.test/x/*", "bypass")))},
	"page rules upside down":  {policy: "page-rules-private", says: "caches a.test/users/7,", edits: edits(pages(pageRuleOf("https://a.test/Users/*", "cache_everything"), pageRuleOf("a.test/*", "bypass")))},
	"unreadable page rule":    {policy: "page-rules-private", says: "a.test/static/**, which caches a.test/api/7,", edits: edits(pages(pageRuleOf("a.test/static/**", "cache_everything"), pageRuleOf("a.test/*", "bypass")))},
	"unreadable bypass":       {policy: "page-rules-private", says: "a.test/*, which caches a.test/api/7,", edits: edits(pages(pageRuleOf("a.test/**", "bypass"), pageRuleOf("a.test/*", "cache_everything")))},
	"page rule of a spelling": {policy: "page-rules-private", says: "caches a.test/static/..%2F../api,", edits: edits(pages(pageRuleOf("a.test/*;*", "bypass"), pageRuleOf("a.test/static/*", "cache_everything"), pageRuleOf("a.test/*", "bypass")))},

	"second ruleset": {policy: "one-ruleset-per-phase", says: "Ruleset spare: phase http_request_cache_settings of zone", edits: edits(twin(zone, "spare"))},

	"rule without ref":       {policy: "ruleset-rules-stable", says: "rules[0].ref is not set", edits: edits(unset(zone, "rules[0].ref"))},
	"rule without enabled":   {policy: "ruleset-rules-stable", says: "rules[4].enabled is not set", edits: edits(unset(zone, "rules[4].enabled"))},
	"mode of the SDK's docs": {policy: "ruleset-rules-stable", says: `edgeTtl.mode is "overrideOrigin"`, edits: edits(set(zone, "rules[1].actionParameters.edgeTtl.mode", "overrideOrigin"))},
}
