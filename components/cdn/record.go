package cdn

import (
	"net/netip"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/components/internal/component"
	"github.com/scalestack/scalestack/internal/settings"
)

// Record is a DNS record that Cloudflare proxies.
type Record struct {
	// Name is the host name, for example "www"; "@" means the zone's own.
	Name pulumi.StringInput `json:"name" pulumi:"name" required:"true"`
	// Type of the record.
	Type string `json:"type" pulumi:"type" required:"true" enum:"A,AAAA,CNAME"`
	// Content is the origin's address or host name.
	Content pulumi.StringInput `json:"content" pulumi:"content" required:"true"`
}

// Check holds the content against the type.
func (r *Record) Check(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if name, known := settings.String(r.Name); known && name != "" && !hostName.MatchString(name) {
		errs = append(errs, field.Invalid(path.Child("name"), settings.Short(name), "must be a host name"))
	}
	content, known := settings.String(r.Content)
	if !known || content == "" {
		return errs
	}
	if problem := contentProblem(r.Type, content); problem != "" {
		errs = append(errs, field.Invalid(path.Child("content"), settings.Short(content), problem))
	}
	return errs
}

func contentProblem(kind, content string) string {
	ip, err := netip.ParseAddr(content)
	switch {
	case kind == "A" && (err != nil || !ip.Is4()):
		return "must be an IPv4 address, as type A needs"
	case kind == "AAAA" && (err != nil || !ip.Is6()):
		return "must be an IPv6 address, as type AAAA needs"
	case kind == "CNAME" && (err == nil || !hostName.MatchString(content)):
		return "must be a host name, as type CNAME needs"
	case err == nil && !component.Public(ip):
		return "must be a public address, the edge reaches no other"
	}
	return ""
}

// mayBe reports whether the record's name, whole or within its zone, may be the host's.
func (r *Record) mayBe(host string) bool {
	name, known := settings.String(r.Name)
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return !known || strings.ContainsAny(name, "@*") || host == name || strings.HasPrefix(host, name+".")
}
