package cloudflare

import (
	"fmt"
	"math"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/scalestack/scalestack/lab/emulators/provider"
)

const override = "override_origin"

func flag() provider.Field { return provider.Field{Kind: provider.Bool} }

func texts() provider.Field {
	return provider.Field{Kind: provider.List, Elem: &provider.Field{Kind: provider.String}}
}

func nested(fields provider.Fields) provider.Field {
	return provider.Field{Kind: provider.Object, Fields: fields}
}

func listOf(fields provider.Fields) provider.Field {
	return provider.Field{Kind: provider.List, Elem: &provider.Field{Kind: provider.Object, Fields: fields}}
}

// cacheFields are the parameters of the action set_cache_settings.
func cacheFields() provider.Fields {
	return provider.Fields{
		"additionalCacheablePorts": {Kind: provider.List, Elem: &provider.Field{Kind: provider.Int}},
		"browserTtl":               nested(ttlFields("respect_origin", override, "bypass")),
		"cache":                    flag(),
		"cacheKey":                 nested(keyFields()),
		"cacheReserve": nested(provider.Fields{
			"eligible": {Kind: provider.Bool, Required: true}, "minimumFileSize": {Kind: provider.Int},
		}),
		"edgeTtl":                 nested(edgeFields()),
		"originCacheControl":      flag(),
		"originErrorPagePassthru": flag(),
		"readTimeout":             {Kind: provider.Int},
		"respectStrongEtags":      flag(),
		"serveStale":              nested(provider.Fields{"disableStaleWhileUpdating": flag()}),
	}
}

func ttlFields(modes ...string) provider.Fields {
	mode := oneOf(modes...)
	mode.Required = true
	return provider.Fields{"mode": mode, "default": {Kind: provider.Int, AtLeast: 1, AtMost: math.MaxInt}}
}

func edgeFields() provider.Fields {
	fields := ttlFields("respect_origin", override, "bypass_by_default")
	code := provider.Field{Kind: provider.Int}
	fields["statusCodeTtls"] = listOf(provider.Fields{
		"statusCode":       code,
		"statusCodeRanges": listOf(provider.Fields{"from": code, "to": code}),
		"value":            {Kind: provider.Int},
	})
	return fields
}

func keyFields() provider.Fields {
	return provider.Fields{
		"cacheByDeviceType":       flag(),
		"cacheDeceptionArmor":     flag(),
		"ignoreQueryStringsOrder": flag(),
		"customKey": nested(provider.Fields{
			"queryString": nested(provider.Fields{"includes": texts(), "excludes": texts()}),
			"header": nested(provider.Fields{
				"includes": texts(), "checkPresences": texts(), "excludeOrigin": flag(),
				"contains": {Kind: provider.Map, Elem: &provider.Field{Kind: provider.List, Elem: &provider.Field{Kind: provider.String}}},
			}),
			"cookie": nested(provider.Fields{"includes": texts(), "checkPresences": texts()}),
			"user":   nested(provider.Fields{"deviceType": flag(), "geo": flag(), "lang": flag()}),
			"host":   nested(provider.Fields{"resolved": flag()}),
		}),
	}
}

// checkCache finds what the provider refuses by itself; cacheAPI the rest.
func checkCache(path string, in property.Map) []provider.Failure {
	var found []provider.Failure
	for _, name := range []string{"edgeTtl", "browserTtl"} {
		if ttl, ok := mapOf(in, name); ok && textOf(ttl, "mode") == override && ttl.Get("default").IsNull() {
			found = append(found, provider.Failf(path+"."+name+".default", "is required with mode %s", override))
		}
	}
	for at, status := range statusesOf(in) {
		where := fmt.Sprintf("%s.edgeTtl.statusCodeTtls[%d]", path, at)
		ranges := status.Get("statusCodeRanges")
		if !status.Get("statusCode").IsNull() && !ranges.IsNull() {
			found = append(found, provider.Failf(where+".statusCode", "cannot be set beside statusCodeRanges"))
		}
		if ranges.IsArray() && ranges.AsArray().Len() > 1 {
			found = append(found, provider.Failf(where+".statusCodeRanges", "must have at most 1 element"))
		}
	}
	if query := queryOf(in); !query.Get("includes").IsNull() && !query.Get("excludes").IsNull() {
		found = append(found, provider.Failf(path+".cacheKey.customKey.queryString", "includes and excludes exclude each other"))
	}
	return found
}

func statusesOf(in property.Map) []property.Map {
	ttl, _ := mapOf(in, "edgeTtl")
	list := ttl.Get("statusCodeTtls")
	if !list.IsArray() {
		return nil
	}
	var all []property.Map
	for _, item := range list.AsArray().All {
		if item.IsMap() {
			all = append(all, item.AsMap())
		} else {
			all = append(all, property.Map{})
		}
	}
	return all
}

func queryOf(in property.Map) property.Map {
	key, _ := mapOf(in, "cacheKey")
	custom, _ := mapOf(key, "customKey")
	query, _ := mapOf(custom, "queryString")
	return query
}
