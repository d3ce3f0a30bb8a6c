package cloudflare

import (
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/scalestack/scalestack/lab/emulators/provider"
)

const (
	argoKind          = "argo"
	tieredKind        = "tieredCache"
	reserveKind       = "zoneCacheReserve"
	normalizationKind = "urlNormalizationSettings"
	pullsKind         = "authenticatedOriginPulls"
)

// toggle is a kind whose properties are values of the zone: creating and
// updating write those that are given, deleting writes off.
func toggle(kind string, fields provider.Fields, off map[string]any) object {
	return object{
		kind: kind, fields: fields,
		complete: func(z *zone, _, in property.Map) (property.Map, error) {
			values := provider.Plain(in)
			delete(values, "zoneId")
			z.write(kind, values)
			return in, nil
		},
		refresh: func(z *zone, state property.Map) property.Map {
			for name, value := range z.Values[kind] {
				if !state.Get(name).IsNull() {
					state = state.Set(name, provider.Value(value))
				}
			}
			return state
		},
		reset: func(z *zone, _ property.Map) error {
			z.write(kind, off)
			return nil
		},
	}
}

func tieredCache() object {
	cacheType := oneOf("smart", "generic", "off")
	cacheType.Required = true
	return toggle(tieredKind, provider.Fields{"zoneId": zoneID, "cacheType": cacheType}, map[string]any{"cacheType": "off"})
}

// argo keeps its id when its zone changes: the provider then writes to the new
// zone and leaves the old one as it is.
func argo() object {
	zoneField := zoneID
	zoneField.Replace = false
	o := toggle(argoKind, provider.Fields{"zoneId": zoneField, "smartRouting": onOff(), "tieredCaching": onOff()}, nil)
	o.id = func(in property.Map) string { return sumID(zoneOf(in) + "/argo") }
	// Deleting it turns tiered caching off as well, whoever turned it on.
	o.reset = func(z *zone, _ property.Map) error {
		z.write(argoKind, map[string]any{"smartRouting": "off", "tieredCaching": "off"})
		z.write(tieredKind, map[string]any{"cacheType": "off"})
		return nil
	}
	return o
}

func zoneCacheReserve() object {
	return toggle(reserveKind, provider.Fields{"zoneId": zoneID, "enabled": {Kind: provider.Bool, Required: true}},
		map[string]any{"enabled": false})
}

func urlNormalization() object {
	kind := oneOf("cloudflare", "rfc3986")
	kind.Required = true
	o := toggle(normalizationKind, provider.Fields{"zoneId": zoneID, "type": kind, "scope": {Kind: provider.String, Required: true}},
		map[string]any{"type": "cloudflare", "scope": "incoming"})
	o.api = func(_ *zone, in property.Map) []provider.Failure {
		switch scope := textOf(in, "scope"); scope {
		case "incoming", "both", "none":
			return nil
		default:
			return []provider.Failure{provider.Failf("scope", "%q is not one of incoming, both, none", scope)}
		}
	}
	return o
}

// originPulls has three levels: all zones' certificate, the zone's and a host's.
// A change of certificate or host enables the new level and leaves the old one.
func originPulls() object {
	return object{
		kind: pullsKind,
		fields: provider.Fields{
			"zoneId":                              zoneID,
			"enabled":                             {Kind: provider.Bool, Required: true},
			"hostname":                            {Kind: provider.String},
			"authenticatedOriginPullsCertificate": {Kind: provider.String},
		},
		id: func(in property.Map) string {
			host, certificate := textOf(in, "hostname"), textOf(in, "authenticatedOriginPullsCertificate")
			switch {
			case certificate == "":
				return sumID("GlobalAOP/" + zoneOf(in) + "/")
			case host == "":
				return sumID("PerZoneAOP/" + zoneOf(in) + "/" + certificate)
			}
			return sumID("PerHostnameAOP/" + zoneOf(in) + "/" + host + "/" + certificate)
		},
		complete: func(z *zone, _, in property.Map) (property.Map, error) {
			z.write(pullsKind, map[string]any{pullsLevel(in): in.Get("enabled").AsBool()})
			return in, nil
		},
		refresh: func(z *zone, state property.Map) property.Map {
			enabled, _ := z.Values[pullsKind][pullsLevel(state)].(bool)
			return state.Set("enabled", property.New(enabled))
		},
		reset: func(z *zone, state property.Map) error {
			z.write(pullsKind, map[string]any{pullsLevel(state): false})
			return nil
		},
	}
}

// pullsLevel names the value that a resource sets.
func pullsLevel(in property.Map) string {
	host, certificate := textOf(in, "hostname"), textOf(in, "authenticatedOriginPullsCertificate")
	switch {
	case certificate == "":
		return "global"
	case host == "":
		return "zone"
	}
	return "host " + host
}
