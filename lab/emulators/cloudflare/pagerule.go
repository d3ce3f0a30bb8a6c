package cloudflare

import (
	"fmt"
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
			"target":   {Kind: provider.String, Required: true},
			"priority": {Kind: provider.Int, Default: 1, AtLeast: 1, AtMost: 1000},
			"status":   status,
			"actions":  actions,
		},
		check: checkPageRule,
		id:    func(property.Map) string { return newID() },
		conflict: func(there, in property.Map) error {
			if textOf(there, "target") != textOf(in, "target") {
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
		"edgeCacheTtl":        {Kind: provider.Int, AtLeast: 1, AtMost: year},
		"cacheLevel":          oneOf("bypass", "basic", "simplified", "aggressive", "cache_everything"),
		"polish":              oneOf("off", "lossless", "lossy"),
		"securityLevel":       oneOf("off", "essentially_off", "low", "medium", "high", "under_attack"),
		"ssl":                 oneOf("off", "flexible", "full", "strict", "origin_pull"),
		"cacheTtlByStatuses": listOf(provider.Fields{
			"codes": required(text), "ttl": {Kind: provider.Int, Required: true, AtLeast: -1, AtMost: year},
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

// maxStars is how many * the API takes in a URL pattern.
const maxStars = 4

func checkPageRule(in property.Map) []provider.Failure {
	var found []provider.Failure
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
	if ttl := actions.Get("browserCacheTtl"); ttl.IsString() {
		if n, err := strconv.Atoi(ttl.AsString()); err != nil || n < 0 || n > year {
			found = append(found, provider.Failf("actions.browserCacheTtl",
				"%q is not a string of a number between 0 and %d", ttl.AsString(), year))
		}
	}
	return found
}
