package cloudflare

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/scalestack/scalestack/lab/emulators/provider"
)

const (
	override = "override_origin"
	year     = 31536000
)

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
		"additionalCacheablePorts": {Kind: provider.List, Elem: &provider.Field{Kind: provider.Int, AtLeast: 1, AtMost: 65535}},
		"browserTtl":               nested(ttlFields("respect_origin", override, "bypass")),
		"cache":                    flag(),
		"cacheKey":                 nested(keyFields()),
		"cacheReserve": nested(provider.Fields{
			"eligible":        {Kind: provider.Bool, Required: true},
			"minimumFileSize": {Kind: provider.Int, AtMost: 1 << 40},
		}),
		"edgeTtl":                 nested(edgeFields()),
		"originCacheControl":      flag(),
		"originErrorPagePassthru": flag(),
		"readTimeout":             {Kind: provider.Int, AtLeast: 1, AtMost: 6000},
		"respectStrongEtags":      flag(),
		"serveStale":              nested(provider.Fields{"disableStaleWhileUpdating": flag()}),
	}
}

func ttlFields(modes ...string) provider.Fields {
	mode := oneOf(modes...)
	mode.Required = true
	return provider.Fields{"mode": mode, "default": {Kind: provider.Int, AtMost: year}}
}

func edgeFields() provider.Fields {
	fields := ttlFields("respect_origin", override, "bypass_by_default")
	code := provider.Field{Kind: provider.Int, AtLeast: 100, AtMost: 999}
	fields["statusCodeTtls"] = listOf(provider.Fields{
		"statusCode":       code,
		"statusCodeRanges": listOf(provider.Fields{"from": code, "to": code}),
		"value":            {Kind: provider.Int, Required: true, AtLeast: -1, AtMost: year},
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

func checkCache(path string, in property.Map) []provider.Failure {
	var found []provider.Failure
	if cache := in.Get("cache"); cache.IsBool() && !cache.AsBool() {
		for _, name := range []string{"edgeTtl", "cacheKey", "cacheReserve", "serveStale"} {
			if !in.Get(name).IsNull() {
				found = append(found, provider.Failf(path+"."+name, "is not possible with cache false"))
			}
		}
	}
	for _, name := range []string{"edgeTtl", "browserTtl"} {
		if ttl, ok := mapOf(in, name); ok {
			found = append(found, checkTTL(path+"."+name, ttl)...)
		}
	}
	key, _ := mapOf(in, "cacheKey")
	custom, _ := mapOf(key, "customKey")
	if query, ok := mapOf(custom, "queryString"); ok {
		found = append(found, checkQuery(path+".cacheKey.customKey.queryString", query)...)
	}
	return found
}

func checkTTL(path string, in property.Map) []provider.Failure {
	var found []provider.Failure
	mode, seconds := textOf(in, "mode"), in.Get("default")
	switch {
	case mode == override && seconds.IsNull():
		found = append(found, provider.Failf(path+".default", "is required with mode %s", mode))
	case mode != "" && mode != override && !seconds.IsNull():
		found = append(found, provider.Failf(path+".default", "is only possible with mode %s, not with %s", override, mode))
	}
	codes := in.Get("statusCodeTtls")
	if !codes.IsArray() {
		return found
	}
	for i, item := range codes.AsArray().All {
		if item.IsMap() {
			found = append(found, checkStatus(fmt.Sprintf("%s.statusCodeTtls[%d]", path, i), item.AsMap())...)
		}
	}
	return found
}

func checkStatus(path string, in property.Map) []provider.Failure {
	code, ranges := in.Get("statusCode"), in.Get("statusCodeRanges")
	if code.IsNull() == ranges.IsNull() {
		return []provider.Failure{provider.Failf(path+".statusCode", "exactly one of statusCode and statusCodeRanges is required")}
	}
	if !ranges.IsArray() {
		return nil
	}
	if ranges.AsArray().Len() != 1 || !ranges.AsArray().Get(0).IsMap() {
		return []provider.Failure{provider.Failf(path+".statusCodeRanges", "must have one range")}
	}
	between := ranges.AsArray().Get(0).AsMap()
	from, to := between.Get("from"), between.Get("to")
	switch {
	case from.IsNull() && to.IsNull():
		return []provider.Failure{provider.Failf(path+".statusCodeRanges[0].from", "from or to is required")}
	case from.IsNumber() && to.IsNumber() && from.AsNumber() > to.AsNumber():
		return []provider.Failure{provider.Failf(path+".statusCodeRanges[0].from", "%.0f is not at most to, %.0f",
			from.AsNumber(), to.AsNumber())}
	}
	return nil
}

func checkQuery(path string, in property.Map) []provider.Failure {
	if in.Get("includes").IsNull() == in.Get("excludes").IsNull() {
		return []provider.Failure{provider.Failf(path, "exactly one of includes and excludes is required")}
	}
	for _, name := range []string{"includes", "excludes"} {
		list := in.Get(name)
		if !list.IsArray() {
			continue
		}
		for _, item := range list.AsArray().All {
			if item.IsString() && item.AsString() == "*" && list.AsArray().Len() > 1 {
				return []provider.Failure{provider.Failf(path+"."+name, "%q stands for all and must be alone", "*")}
			}
		}
	}
	return nil
}
