package cloudflare

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/scalestack/scalestack/lab/emulators/provider"
)

// autoTTL is the TTL that stands for Cloudflare's own choice.
const autoTTL = 1

func record() object {
	recordType := oneOf("A", "AAAA", "CAA", "CNAME", "TXT", "MX", "NS", "PTR")
	recordType.Required, recordType.Replace = true, true
	stable := provider.Field{Kind: provider.String, Computed: true, Stable: true}
	return object{
		kind: "record",
		fields: provider.Fields{
			"zoneId":         zoneID,
			"name":           {Kind: provider.String, Required: true, Replace: true},
			"type":           recordType,
			"content":        {Kind: provider.String, Assigned: true},
			"value":          {Kind: provider.String, Assigned: true},
			"ttl":            {Kind: provider.Int, Default: autoTTL},
			"proxied":        {Kind: provider.Bool, Default: false},
			"priority":       {Kind: provider.Int, AtMost: 65535},
			"comment":        {Kind: provider.String},
			"tags":           {Kind: provider.List, Elem: &provider.Field{Kind: provider.String}},
			"allowOverwrite": {Kind: provider.Bool, Default: false},
			"hostname":       stable,
			"createdOn":      stable,
			"modifiedOn":     {Kind: provider.String, Computed: true},
			"proxiable":      {Kind: provider.Bool, Computed: true, Stable: true},
			"metadata":       {Kind: provider.Map, Computed: true, Stable: true, Elem: &provider.Field{Kind: provider.String}},
		},
		check:    checkRecord,
		id:       func(property.Map) string { return newID() },
		conflict: recordConflict,
		complete: completeRecord,
	}
}

func checkRecord(in property.Map) []provider.Failure {
	var found []provider.Failure
	content := in.Get("content")
	if content.IsNull() {
		content = in.Get("value")
	}
	if content.IsNull() || !in.Get("content").IsNull() && !in.Get("value").IsNull() {
		found = append(found, provider.Failf("content", "is required; value is its old name and cannot be set beside it"))
	}
	if content.IsString() {
		found = append(found, checkContent(textOf(in, "type"), content.AsString())...)
	}
	return append(found, checkProxied(in)...)
}

func checkProxied(in property.Map) []provider.Failure {
	var found []provider.Failure
	ttl, proxied := in.Get("ttl"), in.Get("proxied")
	if n := ttl; n.IsNumber() && n.AsNumber() != autoTTL && (n.AsNumber() < 60 || n.AsNumber() > 86400) {
		found = append(found, provider.Failf("ttl", "%.0f is not 1 (automatic) or between 60 and 86400", n.AsNumber()))
	}
	if !proxied.IsBool() || !proxied.AsBool() {
		return found
	}
	if t := textOf(in, "type"); t != "" && !proxiable(t) {
		found = append(found, provider.Failf("proxied", "true is not possible for type %s; only A, AAAA and CNAME", t))
	}
	if ttl.IsNumber() && ttl.AsNumber() != autoTTL {
		found = append(found, provider.Failf("ttl", "%.0f is not 1, which a proxied record must have", ttl.AsNumber()))
	}
	return found
}

func checkContent(recordType, content string) []provider.Failure {
	address, err := netip.ParseAddr(content)
	switch {
	case recordType == "A" && (err != nil || !address.Is4()):
		return []provider.Failure{provider.Failf("content", "%q is not an IPv4 address", content)}
	case recordType == "AAAA" && (err != nil || !address.Is6()):
		return []provider.Failure{provider.Failf("content", "%q is not an IPv6 address", content)}
	case recordType == "CNAME" && (err == nil || content == "" || strings.ContainsAny(content, " /:")):
		return []provider.Failure{provider.Failf("content", "%q is not a host name", content)}
	case content == "":
		return []provider.Failure{provider.Failf("content", "is empty")}
	}
	return nil
}

func proxiable(recordType string) bool {
	return recordType == "A" || recordType == "AAAA" || recordType == "CNAME"
}

func recordConflict(there, in property.Map) error {
	if textOf(there, "name") != textOf(in, "name") || in.Get("allowOverwrite").AsBool() {
		return nil
	}
	was, is := textOf(there, "type"), textOf(in, "type")
	switch {
	case was == is && contentOf(there) == contentOf(in):
		return fmt.Errorf("the zone already has the same %s record %s", is, textOf(in, "name"))
	case (was == "CNAME" || is == "CNAME") && proxiable(was) && proxiable(is):
		return fmt.Errorf("the zone already has a %s record %s, and a CNAME stands alone", was, textOf(in, "name"))
	}
	return nil
}

func contentOf(m property.Map) string {
	if content := textOf(m, "content"); content != "" {
		return content
	}
	return textOf(m, "value")
}

// completeRecord sets both names of the content, as the provider does.
func completeRecord(_ string, old, in property.Map) property.Map {
	created := textOf(old, "createdOn")
	if created == "" {
		created = now()
	}
	content := property.New(contentOf(in)).WithSecret(in.Get("content").Secret() || in.Get("value").Secret())
	return in.Set("content", content).Set("value", content).
		Set("hostname", in.Get("name")).
		Set("createdOn", property.New(created)).
		Set("modifiedOn", property.New(now())).
		Set("proxiable", property.New(proxiable(textOf(in, "type")))).
		Set("metadata", property.New(map[string]property.Value{}))
}
