package component

import (
	"net/netip"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/internal/settings"
)

// Public reports whether a proxied DNS record may lead to the address: Cloudflare refuses what
// its edge cannot reach ("not allowed for a proxied record", 9003).
func Public(ip netip.Addr) bool { return ip.IsGlobalUnicast() && !ip.IsPrivate() && ip.Zone() == "" }

// CheckHost refuses an address and a name without its zone's, which no request has for its
// host. What is no name at all is reported by the field's format.
func CheckHost(path *field.Path, host pulumi.StringInput) field.ErrorList {
	name, known := settings.String(host)
	if !known || name == "" {
		return nil
	}
	if _, err := netip.ParseAddr(name); err == nil || !strings.Contains(name, ".") && len(validation.IsDNS1123Subdomain(name)) == 0 {
		return field.ErrorList{field.Invalid(path, settings.Short(name), "must be a whole host name such as www.example.com")}
	}
	return nil
}
