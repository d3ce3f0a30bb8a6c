package cloudflare

import (
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/scalestack/scalestack/lab/emulators/provider"
)

func onOff(more ...string) provider.Field {
	return provider.Field{Kind: provider.String, OneOf: append([]string{"on", "off"}, more...)}
}

func oneOf(values ...string) provider.Field {
	return provider.Field{Kind: provider.String, OneOf: values}
}

// settingFields are all assigned: a setting that leaves the program stays as it
// is in the zone.
func settingFields() provider.Fields {
	fields := provider.Fields{
		"browserCacheTtl":      {Kind: provider.Int},
		"challengeTtl":         {Kind: provider.Int},
		"maxUpload":            {Kind: provider.Int},
		"cacheLevel":           oneOf("aggressive", "basic", "simplified"),
		"cnameFlattening":      oneOf("flatten_at_root", "flatten_all", "flatten_none"),
		"h2Prioritization":     onOff("custom"),
		"imageResizing":        onOff("open"),
		"minTlsVersion":        oneOf("1.0", "1.1", "1.2", "1.3"),
		"originMaxHttpVersion": oneOf("1", "2"),
		"polish":               oneOf("off", "lossless", "lossy"),
		"pseudoIpv4":           oneOf("off", "add_header", "overwrite_header"),
		"securityLevel":        oneOf("off", "essentially_off", "low", "medium", "high", "under_attack"),
		"ssl":                  oneOf("off", "flexible", "full", "strict", "origin_pull"),
		"tls13":                onOff("zrt"),
		"rocketLoader":         {Kind: provider.String},
		"sslAutomaticMode":     {Kind: provider.String},
		"proxyReadTimeout":     {Kind: provider.String},
		"ciphers":              texts(),
		"aegis":                nested(provider.Fields{"enabled": flag(), "poolId": {Kind: provider.String}}),
		"minify":               nested(provider.Fields{"css": onOff(), "html": onOff(), "js": onOff()}),
		"mobileRedirect":       nested(provider.Fields{"mobileSubdomain": {Kind: provider.String}, "status": onOff(), "stripUri": flag()}),
		"nel":                  nested(provider.Fields{"enabled": flag()}),
		"securityHeader": nested(provider.Fields{
			"enabled": flag(), "includeSubdomains": flag(), "maxAge": {Kind: provider.Int}, "nosniff": flag(), "preload": flag(),
		}),
	}
	for _, name := range []string{
		"alwaysOnline", "alwaysUseHttps", "automaticHttpsRewrites", "binaryAst", "brotli", "browserCheck",
		"developmentMode", "earlyHints", "emailObfuscation", "filterLogsToCloudflare", "fonts", "hotlinkProtection",
		"http2", "http3", "ipGeolocation", "ipv6", "logToCloudflare", "mirage", "opportunisticEncryption",
		"opportunisticOnion", "orangeToOrange", "originErrorPagePassThru", "prefetchPreload", "privacyPass",
		"replaceInsecureJs", "responseBuffering", "serverSideExclude", "sortQueryStringForCache",
		"speedBrain", "tls12Only", "tlsClientAuth", "trueClientIpHeader", "universalSsl", "visitorIp", "waf", "webp",
		"websockets", "zeroRtt",
	} {
		fields[name] = onOff()
	}
	for name, field := range fields {
		field.Assigned = true
		fields[name] = field
	}
	return fields
}

// The seconds that the API takes for these two settings.
var (
	browserTTLs = []int{
		0, 30, 60, 120, 300, 1200, 1800, 3600, 7200, 10800, 14400, 18000, 28800, 43200, 57600, 72000, 86400, 172800,
		259200, 345600, 432000, 691200, 1382400, 2073600, 2678400, 5356800, 16070400, 31536000,
	}
	challengeTTLs = []int{
		300, 900, 1800, 2700, 3600, 7200, 10800, 14400, 28800, 57600, 86400, 604800, 2592000, 31536000,
	}
)

func checkSettings(in property.Map) []provider.Failure {
	settings, ok := mapOf(in, "settings")
	if !ok {
		return nil
	}
	var found []provider.Failure
	for name, allowed := range map[string][]int{"browserCacheTtl": browserTTLs, "challengeTtl": challengeTTLs} {
		if v := settings.Get(name); v.IsNumber() && !slices.Contains(allowed, int(v.AsNumber())) {
			found = append(found, provider.Failf("settings."+name, "%.0f is not one of %v", v.AsNumber(), allowed))
		}
	}
	return found
}
