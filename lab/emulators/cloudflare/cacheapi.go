package cloudflare

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/scalestack/scalestack/lab/emulators/provider"
)

const (
	// year is the longest lifetime, in seconds.
	year = 31536000
	// maxNames is how many query parameters a cache key names.
	maxNames = 100
)

// cacheAPI finds what the API refuses in the parameters of set_cache_settings.
func cacheAPI(z *zone, path string, in property.Map) []provider.Failure {
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
			found = append(found, lifetimeAPI(z, path+"."+name, ttl)...)
		}
	}
	for i, status := range statusesOf(in) {
		found = append(found, statusAPI(fmt.Sprintf("%s.edgeTtl.statusCodeTtls[%d]", path, i), status)...)
	}
	if key, ok := mapOf(in, "cacheKey"); ok {
		if custom, ok := mapOf(key, "customKey"); ok && !custom.Get("queryString").IsNull() {
			found = append(found, queryAPI(z, path+".cacheKey.customKey.queryString", queryOf(in))...)
		}
	}
	return found
}

func lifetimeAPI(z *zone, path string, in property.Map) []provider.Failure {
	seconds := in.Get("default")
	if !seconds.IsNumber() {
		return nil
	}
	if mode := textOf(in, "mode"); mode != override {
		return []provider.Failure{provider.Failf(path+".default", "is only possible with mode %s, not with %s", override, mode)}
	}
	if least := z.limits().ttl; int(seconds.AsNumber()) < least || seconds.AsNumber() > year {
		return []provider.Failure{provider.Failf(path+".default", "%.0f is not between %d and %d on the plan %s",
			seconds.AsNumber(), least, year, z.Plan)}
	}
	return nil
}

func statusAPI(path string, in property.Map) []provider.Failure {
	var found []provider.Failure
	if value := in.Get("value"); !value.IsNumber() || value.AsNumber() < -1 || value.AsNumber() > year {
		found = append(found, provider.Failf(path+".value", "is not between -1 and %d", year))
	}
	codes := []property.Value{in.Get("statusCode")}
	if ranges := in.Get("statusCodeRanges"); ranges.IsArray() && ranges.AsArray().Len() == 1 && ranges.AsArray().Get(0).IsMap() {
		between := ranges.AsArray().Get(0).AsMap()
		codes = []property.Value{between.Get("from"), between.Get("to")}
	}
	given := 0
	for _, code := range codes {
		switch {
		case code.IsNull():
		case code.AsNumber() < 100 || code.AsNumber() > 999:
			found = append(found, provider.Failf(path, "the status code %.0f is not between 100 and 999", code.AsNumber()))
		default:
			given++
		}
	}
	switch {
	case given == 0 && len(found) == 0:
		found = append(found, provider.Failf(path, "statusCode or a range is required"))
	case given == 2 && codes[0].AsNumber() > codes[1].AsNumber():
		found = append(found, provider.Failf(path, "from %.0f is not at most to %.0f", codes[0].AsNumber(), codes[1].AsNumber()))
	}
	return found
}

func queryAPI(z *zone, path string, in property.Map) []provider.Failure {
	names, all := 0, false
	for _, name := range []string{"includes", "excludes"} {
		list := in.Get(name)
		if !list.IsArray() {
			continue
		}
		names += list.AsArray().Len()
		for _, item := range list.AsArray().All {
			all = all || item.IsString() && item.AsString() == "*"
		}
		if all && list.AsArray().Len() > 1 {
			return []provider.Failure{provider.Failf(path+"."+name, "%q means all and must be alone", "*")}
		}
	}
	switch {
	case names == 0:
		return []provider.Failure{provider.Failf(path, "includes or excludes must name a parameter")}
	case names > maxNames:
		return []provider.Failure{provider.Failf(path, "names %d parameters, more than %d", names, maxNames)}
	case !all && !z.limits().keys:
		return []provider.Failure{provider.Failf(path, "names parameters, which the plan %s does not allow", z.Plan)}
	}
	return nil
}
