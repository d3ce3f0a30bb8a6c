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
	recordType := oneOf("A", "AAAA", "CAA", "CNAME", "TXT", "SRV", "LOC", "MX", "NS", "SPF", "CERT", "DNSKEY", "DS", "NAPTR",
		"SMIMEA", "SSHFP", "TLSA", "URI", "PTR", "HTTPS", "SVCB")
	recordType.Required, recordType.Replace = true, true
	stable := provider.Field{Kind: provider.String, Computed: true, Stable: true}
	return object{
		kind: "record",
		fields: provider.Fields{
			"zoneId":         zoneID,
			"name":           {Kind: provider.String, Required: true, Replace: true, Same: sameName},
			"type":           recordType,
			"content":        {Kind: provider.String, Assigned: true, Same: sameContent},
			"value":          {Kind: provider.String, Assigned: true, Same: sameContent},
			"data":           {Kind: provider.Object, Fields: dataFields()},
			"ttl":            {Kind: provider.Int, Default: autoTTL},
			"proxied":        {Kind: provider.Bool, Default: false},
			"priority":       {Kind: provider.Int},
			"comment":        {Kind: provider.String},
			"tags":           {Kind: provider.List, Elem: &provider.Field{Kind: provider.String}},
			"allowOverwrite": {Kind: provider.Bool, Default: false},
			"hostname":       stable,
			"createdOn":      stable,
			"modifiedOn":     {Kind: provider.String, Computed: true},
			"proxiable":      {Kind: provider.Bool, Computed: true, Stable: true},
			"metadata":       {Kind: provider.Map, Computed: true, Stable: true, Elem: &provider.Field{Kind: provider.String}},
		},
		check:       checkRecord,
		api:         recordAPI,
		id:          func(property.Map) string { return newID() },
		conflict:    recordConflict,
		complete:    completeRecord,
		imported:    importedRecord,
		deleteFirst: true,
	}
}

// dataFields are the parts of a service record, the only kind of data here.
func dataFields() provider.Fields {
	number := provider.Field{Kind: provider.Int}
	return provider.Fields{"port": number, "priority": number, "weight": number, "target": {Kind: provider.String}}
}

// sameName compares names without case and the trailing dot.
func sameName(old, now string) bool {
	return strings.EqualFold(strings.TrimSuffix(old, "."), strings.TrimSuffix(now, "."))
}

// sameContent compares host names without the trailing dot and addresses by
// their value.
func sameContent(old, now string) bool {
	a, errA := netip.ParseAddr(old)
	b, errB := netip.ParseAddr(now)
	if errA == nil && errB == nil {
		return a == b
	}
	return strings.TrimSuffix(old, ".") == strings.TrimSuffix(now, ".")
}

func checkRecord(in property.Map) []provider.Failure {
	given := 0
	for _, name := range []string{"content", "data", "value"} {
		if !in.Get(name).IsNull() {
			given++
		}
	}
	if given != 1 {
		return []provider.Failure{provider.Failf("content", "exactly one of content, data and value is required")}
	}
	return nil
}

func recordAPI(_ *zone, in property.Map) []provider.Failure {
	var found []provider.Failure
	if textOf(in, "name") == "" {
		found = append(found, provider.Failf("name", "is empty"))
	}
	if priority := in.Get("priority"); priority.IsNumber() && (priority.AsNumber() < 0 || priority.AsNumber() > 65535) {
		found = append(found, provider.Failf("priority", "%.0f is not between 0 and 65535", priority.AsNumber()))
	}
	if in.Get("data").IsNull() {
		found = append(found, checkContent(textOf(in, "type"), contentOf(in))...)
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

func recordConflict(z *zone, there, in property.Map) error {
	if !strings.EqualFold(z.fullName(there), z.fullName(in)) || in.Get("allowOverwrite").AsBool() {
		return nil
	}
	was, is := textOf(there, "type"), textOf(in, "type")
	switch {
	case was == is && contentOf(there) == contentOf(in):
		return fmt.Errorf("the zone already has the same %s record %s", is, z.fullName(in))
	case (was == "CNAME" || is == "CNAME") && proxiable(was) && proxiable(is):
		return fmt.Errorf("the zone already has a %s record %s, and a CNAME stands alone", was, z.fullName(in))
	}
	return nil
}

func contentOf(m property.Map) string {
	if content := textOf(m, "content"); content != "" {
		return content
	}
	return textOf(m, "value")
}

// fullName is a record's name with the zone's, which programs may leave out.
func (z *zone) fullName(record property.Map) string {
	name := strings.TrimSuffix(textOf(record, "name"), ".")
	switch {
	case name == "@":
		return z.Name
	case name == z.Name || strings.HasSuffix(name, "."+z.Name):
		return name
	}
	return name + "." + z.Name
}

// importedRecord has its name without the zone's, which is another name to the provider where
// the program has it in full, and no content (pulumi-cloudflare#1103).
func importedRecord(z *zone, found property.Map) property.Map {
	name := strings.TrimSuffix(textOf(found, "hostname"), "."+z.Name)
	return found.Set("name", property.New(name)).Delete("content", "value")
}

func completeRecord(z *zone, old, in property.Map) (property.Map, error) {
	created := textOf(old, "createdOn")
	if created == "" {
		created = now()
	}
	return in.Set("hostname", property.New(z.fullName(in))).
		Set("createdOn", property.New(created)).
		Set("modifiedOn", property.New(now())).
		Set("proxiable", property.New(proxiable(textOf(in, "type")))).
		Set("metadata", property.New(map[string]property.Value{})), nil
}
