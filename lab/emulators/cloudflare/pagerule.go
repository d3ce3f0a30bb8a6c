package cloudflare

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/scalestack/scalestack/lab/emulators/provider"
)

func pageRule() object {
	status := oneOf("active", "disabled")
	status.Default = "active"
	actions := nested(pageActions())
	actions.Required = true
	return object{
		kind: "pageRule",
		fields: provider.Fields{
			"zoneId":   zoneID,
			"target":   {Kind: provider.String, Required: true, Same: sameTarget},
			"priority": {Kind: provider.Int, Default: 1},
			"status":   status,
			"actions":  actions,
		},
		api:  pageRuleAPI,
		id:   func(property.Map) string { return newID() },
		most: func(l limits) int { return l.pageRules },
		conflict: func(_ *zone, there, in property.Map) error {
			if !sameTarget(textOf(there, "target"), textOf(in, "target")) {
				return nil
			}
			return fmt.Errorf("the zone already has a page rule for %s", textOf(in, "target"))
		},
	}
}

func pageActions() provider.Fields {
	required := func(f provider.Field) provider.Field {
		f.Required = true
		return f
	}
	text := provider.Field{Kind: provider.String}
	fields := provider.Fields{
		"alwaysUseHttps":      flag(),
		"disableApps":         flag(),
		"disablePerformance":  flag(),
		"disableSecurity":     flag(),
		"disableZaraz":        flag(),
		"browserCacheTtl":     text,
		"bypassCacheOnCookie": text,
		"cacheOnCookie":       text,
		"hostHeaderOverride":  text,
		"resolveOverride":     text,
		"edgeCacheTtl":        {Kind: provider.Int, AtLeast: math.MinInt, AtMost: year},
		"disableRailgun":      flag(),
		"minifies":            listOf(provider.Fields{"css": onOff(), "html": onOff(), "js": onOff()}),
		"minify":              listOf(provider.Fields{"css": onOff(), "html": onOff(), "js": onOff()}),
		"cacheLevel":          oneOf("bypass", "basic", "simplified", "aggressive", "cache_everything"),
		"polish":              oneOf("off", "lossless", "lossy"),
		"securityLevel":       oneOf("off", "essentially_off", "low", "medium", "high", "under_attack"),
		"ssl":                 oneOf("off", "flexible", "full", "strict", "origin_pull"),
		"cacheTtlByStatuses": listOf(provider.Fields{
			"codes": required(text), "ttl": {Kind: provider.Int, Required: true},
		}),
		"cacheKeyFields": nested(provider.Fields{
			"cookie":      nested(provider.Fields{"checkPresences": texts(), "includes": texts()}),
			"header":      nested(provider.Fields{"checkPresences": texts(), "excludes": texts(), "includes": texts()}),
			"host":        required(nested(provider.Fields{"resolved": flag()})),
			"queryString": required(nested(provider.Fields{"excludes": texts(), "ignore": flag(), "includes": texts()})),
			"user":        required(nested(provider.Fields{"deviceType": flag(), "geo": flag(), "lang": flag()})),
		}),
		"forwardingUrl": nested(provider.Fields{
			"url": required(text), "statusCode": {Kind: provider.Int, Required: true, AtLeast: 301, AtMost: 302},
		}),
	}
	for _, name := range []string{
		"automaticHttpsRewrites", "browserCheck", "cacheByDeviceType", "cacheDeceptionArmor", "emailObfuscation",
		"explicitCacheControl", "ipGeolocation", "mirage", "opportunisticEncryption", "originErrorPagePassThru",
		"respectStrongEtag", "responseBuffering", "rocketLoader", "serverSideExclude", "sortQueryStringForCache",
		"trueClientIpHeader", "waf",
	} {
		fields[name] = onOff()
	}
	return fields
}

// sameTarget compares patterns without a trailing slash, as the provider does.
func sameTarget(old, now string) bool {
	return strings.TrimSuffix(old, "/") == strings.TrimSuffix(now, "/")
}

// maxStars is how many * the API takes in a URL pattern.
const maxStars = 4

const maxPriority = 1000

func pageRuleAPI(z *zone, in property.Map) []provider.Failure {
	var found []provider.Failure
	if priority := in.Get("priority"); priority.IsNumber() && (priority.AsNumber() < 1 || int(priority.AsNumber()) > maxPriority) {
		found = append(found, provider.Failf("priority", "%.0f is not between 1 and %d", priority.AsNumber(), maxPriority))
	}
	if stars := strings.Count(textOf(in, "target"), "*"); stars > maxStars {
		found = append(found, provider.Failf("target", "has %d *, more than %d", stars, maxStars))
	}
	actions, ok := mapOf(in, "actions")
	if !ok {
		return found
	}
	if actions.Len() == 0 {
		found = append(found, provider.Failf("actions", "must have at least one action"))
	}
	if !actions.Get("forwardingUrl").IsNull() && actions.Len() > 1 {
		found = append(found, provider.Failf("actions.forwardingUrl", "stands alone: no other action beside it"))
	}
	if ttl := actions.Get("edgeCacheTtl"); ttl.IsNumber() && ttl.AsNumber() != 0 && int(ttl.AsNumber()) < z.limits().ttl {
		found = append(found, provider.Failf("actions.edgeCacheTtl", "%.0f is below %d, the least on the plan %s",
			ttl.AsNumber(), z.limits().ttl, z.Plan))
	}
	if ttl := actions.Get("browserCacheTtl"); ttl.IsString() {
		n, err := strconv.Atoi(ttl.AsString())
		if err != nil || n != 0 && n < z.limits().pageBrowserTTL || n > year {
			found = append(found, provider.Failf("actions.browserCacheTtl",
				"%q is not a string of 0 or a number between %d and %d", ttl.AsString(), z.limits().pageBrowserTTL, year))
		}
	}
	for _, name := range []string{"cacheKeyFields", "cacheTtlByStatuses", "respectStrongEtag"} {
		if !z.limits().keys && !actions.Get(name).IsNull() {
			found = append(found, provider.Failf("actions."+name, "is not possible on the plan %s", z.Plan))
		}
	}
	if key, ok := mapOf(actions, "cacheKeyFields"); ok {
		found = append(found, emptyBlocks(key)...)
	}
	return found
}

// emptyBlocks finds the blocks without a value that crash the provider.
func emptyBlocks(key property.Map) []provider.Failure {
	var found []provider.Failure
	for _, name := range []string{"host", "user"} {
		if block, ok := mapOf(key, name); ok && block.Len() == 0 {
			found = append(found, provider.Failf("actions.cacheKeyFields."+name, "is empty, which crashes the provider"))
		}
	}
	return found
}
