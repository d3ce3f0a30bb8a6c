package pack_test

const zone = "Ruleset cdn-cache-rules"

func cacheRule(expression string) map[string]any {
	return map[string]any{
		"ref": "extra", "description": "Extra", "enabled": true, "action": "set_cache_settings", "expression": expression,
		"actionParameters": map[string]any{"cache": true},
	}
}

// edgeMutations break the zone in front.
var edgeMutations = map[string]mutation{
	"API cached last":      {policy: "cache-private", says: "(extra) is able to cache /api,", edits: edits(add(zone, "rules", cacheRule(`starts_with(http.request.uri.path, "/a")`)))},
	"users cached last":    {policy: "cache-private", says: "able to cache /users/7,", edits: edits(add(zone, "rules", cacheRule(`http.request.uri.path eq "/users/7"`)))},
	"styles of users":      {policy: "cache-private", says: "able to cache /api/7.css,", edits: edits(add(zone, "rules", cacheRule(`http.request.uri.path.extension in {"css" "js"}`)))},
	"authenticated static": {policy: "cache-private", says: "/static/logo.css with an Authorization header", edits: edits(add(zone, "rules", cacheRule(`starts_with(http.request.uri.path, "/static/") and not ends_with(http.request.uri.path, ".map")`)))},
	"unreadable rule last": {policy: "cache-private", says: "able to cache /api,", edits: edits(add(zone, "rules", cacheRule(`http.request.uri.path matches "^/static"`)))},
	"bypass removed":       {policy: "cache-private", says: "able to cache /users,", edits: edits(set(zone, "rules[0].expression", `not starts_with(http.request.uri.path, "/api")`), set(zone, "rules[3].enabled", false))},
	"header forgotten":     {policy: "cache-private", says: "/static/logo.css with an Authorization header", edits: edits(set(zone, "rules[4].expression", `starts_with(http.request.uri.path, "/admin")`))},
	"bypass only by chance": {policy: "cache-private", says: "able to cache", edits: edits(
		set(zone, "rules[4].expression", `any(http.request.headers["authorization"][*] ne "") and ip.src eq 192.0.2.1`))},

	"second ruleset": {policy: "one-ruleset-per-phase", says: "Ruleset spare: phase http_request_cache_settings of zone", edits: edits(twin(zone, "spare"))},

	"rule without ref":       {policy: "ruleset-rules-stable", says: "rules[0].ref is not set", edits: edits(unset(zone, "rules[0].ref"))},
	"rule without enabled":   {policy: "ruleset-rules-stable", says: "rules[4].enabled is not set", edits: edits(unset(zone, "rules[4].enabled"))},
	"mode of the SDK's docs": {policy: "ruleset-rules-stable", says: `edgeTtl.mode is "overrideOrigin"`, edits: edits(set(zone, "rules[1].actionParameters.edgeTtl.mode", "overrideOrigin"))},
}
