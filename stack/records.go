package stack

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/internal/settings"
)

// checkRecord refuses a host that may have the same record as the edge: Cloudflare
// refuses a second record of a name, or serves both in turn if both are addresses.
func (c *Config) checkRecord(path *field.Path, host, zone pulumi.StringInput) field.ErrorList {
	if c.CDN == nil || c.CDN.Record == nil {
		return nil
	}
	name, named := settings.String(c.CDN.Record.Name)
	whole, known := settings.String(host)
	if !named || !known || !mayBe(name, whole, c.CDN.ZoneID, zone) {
		return nil
	}
	return field.ErrorList{field.Invalid(path, whole, fmt.Sprintf("may be the name of cdn.record, %q, since no setting has the zone's own name. "+
		"Fix: leave one of the two records out, or give cdn.record.name in full, such as shop.example.com", name))}
}

// mayBe reports whether a record's name, in full or within its zone, may be that of the
// host. The rest of the host is the zone, whose name contains a dot.
func mayBe(name, host string, zone, hostZone pulumi.StringInput) bool {
	name, host = plainHost(name), plainHost(host)
	if name == host {
		return true
	}
	one, known := settings.String(zone)
	if other, given := settings.String(hostZone); known && given && one != other {
		return false
	}
	rest, within := strings.CutPrefix(host, name+".")
	return name == "@" || within && strings.Contains(rest, ".")
}

// plainHost returns one spelling for names that are equal in DNS.
func plainHost(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
