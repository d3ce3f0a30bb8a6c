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

func tieredCache() object {
	cacheType := oneOf("smart", "generic", "off")
	cacheType.Required = true
	return object{kind: "tieredCache", fields: provider.Fields{"zoneId": zoneID, "cacheType": cacheType}}
}

func argo() object {
	return object{
		kind:   "argo",
		fields: provider.Fields{"zoneId": zoneID, "smartRouting": onOff(), "tieredCaching": onOff()},
		check: func(in property.Map) []provider.Failure {
			if in.Get("smartRouting").IsNull() && in.Get("tieredCaching").IsNull() {
				return []provider.Failure{provider.Failf("smartRouting", "is required unless tieredCaching is set")}
			}
			return nil
		},
	}
}

func zoneCacheReserve() object {
	return object{
		kind:   "zoneCacheReserve",
		fields: provider.Fields{"zoneId": zoneID, "enabled": {Kind: provider.Bool, Required: true}},
	}
}

func urlNormalization() object {
	kind, scope := oneOf("cloudflare", "rfc3986"), oneOf("incoming", "both")
	kind.Required, scope.Required = true, true
	return object{kind: "urlNormalizationSettings", fields: provider.Fields{"zoneId": zoneID, "type": kind, "scope": scope}}
}

func originPulls() object {
	return object{
		kind: "authenticatedOriginPulls",
		fields: provider.Fields{
			"zoneId":                              zoneID,
			"enabled":                             {Kind: provider.Bool, Required: true},
			"hostname":                            {Kind: provider.String, Replace: true},
			"authenticatedOriginPullsCertificate": {Kind: provider.String},
		},
		check: func(in property.Map) []provider.Failure {
			if !in.Get("hostname").IsNull() && in.Get("authenticatedOriginPullsCertificate").IsNull() {
				return []provider.Failure{provider.Failf("authenticatedOriginPullsCertificate", "is required with hostname")}
			}
			return nil
		},
		id: func(in property.Map) string {
			if host := textOf(in, "hostname"); host != "" {
				return host
			}
			return zoneOf(in)
		},
	}
}

func zoneSettings() object {
	return object{
		kind: "zoneSettingsOverride",
		fields: provider.Fields{
			"zoneId":   zoneID,
			"settings": {Kind: provider.Object, Fields: settingFields()},
			"initialSettings": {Kind: provider.List, Computed: true, Stable: true,
				Elem: &provider.Field{Kind: provider.Map, Elem: &provider.Field{Kind: provider.String}}},
			"initialSettingsReadAt": {Kind: provider.String, Computed: true, Stable: true},
			"readonlySettings":      {Kind: provider.List, Computed: true, Stable: true, Elem: &provider.Field{Kind: provider.String}},
			"zoneStatus":            {Kind: provider.String, Computed: true, Stable: true},
			"zoneType":              {Kind: provider.String, Computed: true, Stable: true},
		},
		check: checkSettings,
		complete: func(_ string, old, in property.Map) property.Map {
			readAt := old.Get("initialSettingsReadAt")
			if !readAt.IsString() {
				readAt = property.New(now())
			}
			return in.Set("initialSettingsReadAt", readAt).
				Set("initialSettings", property.New([]property.Value{})).
				Set("readonlySettings", property.New([]property.Value{})).
				Set("zoneStatus", property.New("active")).
				Set("zoneType", property.New("full"))
		},
	}
}

func settingFields() provider.Fields {
	fields := provider.Fields{
		"browserCacheTtl":      {Kind: provider.Int},
		"challengeTtl":         {Kind: provider.Int},
		"maxUpload":            {Kind: provider.Int, AtLeast: 100, AtMost: 500},
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
	}
	for _, name := range []string{
		"alwaysOnline", "alwaysUseHttps", "automaticHttpsRewrites", "binaryAst", "brotli", "browserCheck",
		"developmentMode", "earlyHints", "emailObfuscation", "filterLogsToCloudflare", "fonts", "hotlinkProtection",
		"http2", "http3", "ipGeolocation", "ipv6", "logToCloudflare", "mirage", "opportunisticEncryption",
		"opportunisticOnion", "orangeToOrange", "originErrorPagePassThru", "prefetchPreload", "privacyPass",
		"replaceInsecureJs", "responseBuffering", "rocketLoader", "serverSideExclude", "sortQueryStringForCache",
		"speedBrain", "tls12Only", "tlsClientAuth", "trueClientIpHeader", "universalSsl", "visitorIp", "waf", "webp",
		"websockets", "zeroRtt",
	} {
		fields[name] = onOff()
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
