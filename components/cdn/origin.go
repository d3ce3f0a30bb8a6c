package cdn

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/scalestack/scalestack/internal/settings"
)

// OriginPulls makes the edge present a client certificate to the origin, on every plan.
// By itself it locks nobody out: the server that terminates TLS in front of the
// application must demand the certificate, and the zone's encryption must be Full or
// Full (strict).
type OriginPulls struct {
	// CertificateID names a certificate of your own that you uploaded to the zone. Its key
	// is not a setting, because it would end up in the stack's state. Default: the
	// certificate that Cloudflare presents for all its customers, which proves that a
	// request comes from Cloudflare, but not from this zone.
	CertificateID pulumi.StringInput `json:"certificateId" pulumi:"certificateId,optional"`

	// Hostname limits the certificate to one host name; it needs CertificateID.
	// Default: the whole zone.
	Hostname pulumi.StringInput `json:"hostname" pulumi:"hostname,optional"`
}

// publishedRanges are Cloudflare's addresses as https://www.cloudflare.com/ips-v4
// and /ips-v6 had them on 2026-09-29. The list changes rarely, and Cloudflare
// announces it; EdgeRanges takes a newer one.
var publishedRanges = []string{
	"103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22", "104.16.0.0/13", "104.24.0.0/14",
	"108.162.192.0/18", "131.0.72.0/22", "141.101.64.0/18", "162.158.0.0/15", "172.64.0.0/13",
	"173.245.48.0/20", "188.114.96.0/20", "190.93.240.0/20", "197.234.240.0/22", "198.41.128.0/17",
	"2400:cb00::/32", "2405:8100::/32", "2405:b500::/32", "2606:4700::/32", "2803:f800::/32",
	"2a06:98c0::/29", "2c0f:f248::/32",
}

// PublishedRanges returns the address ranges that Cloudflare's edge uses for its
// requests to origins.
func PublishedRanges() []string { return slices.Clone(publishedRanges) }

// Ranges returns the addresses that the edge's requests come from, for a NetworkPolicy
// or a firewall. Cloudflare's other customers share them, so an allow-list keeps out
// scanners but not another customer's zone.
func (a *Args) Ranges() []string { return a.withDefaults().EdgeRanges }

// The widest ranges that are taken for an edge's, in bits.
const (
	widest4 = 8
	widest6 = 16
)

// checkRanges refuses what cannot be an edge's addresses. The fields' format has
// reported what is no address range.
func checkRanges(path *field.Path, ranges []string) field.ErrorList {
	if len(ranges) == 0 {
		return field.ErrorList{field.Required(path, "an empty list lets nobody in; leave it out for the published ranges")}
	}
	var errs field.ErrorList
	for i, text := range ranges {
		if first := slices.Index(ranges, text); first < i {
			errs = append(errs, field.Duplicate(path.Index(i), text))
			continue
		}
		if widest, tooWide := tooWide(text); tooWide {
			errs = append(errs, field.Invalid(path.Index(i), text, fmt.Sprintf("must not be wider than /%d, which is no edge", widest)))
		}
	}
	return errs
}

func tooWide(text string) (widest int, wide bool) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return 0, false
	}
	if widest = widest4; prefix.Addr().Is6() {
		widest = widest6
	}
	return widest, prefix.Bits() < widest
}

// certificate is a UUID or 32 hexadecimal digits, as the API gives.
var certificate = regexp.MustCompile(`^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$`)

// Check refuses what Cloudflare would not take for a certificate or its host.
func (p *OriginPulls) Check(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if id, known := settings.String(p.CertificateID); known && !certificate.MatchString(id) {
		errs = append(errs, field.Invalid(path.Child("certificateId"), settings.Short(id), "must be the id of a certificate, 32 hexadecimal digits"))
	}
	host, known := settings.String(p.Hostname)
	switch {
	case known && !hostName.MatchString(host):
		errs = append(errs, field.Invalid(path.Child("hostname"), settings.Short(host), "must be a host name"))
	case p.Hostname != nil && p.CertificateID == nil:
		errs = append(errs, field.Required(path.Child("certificateId"), "the shared certificate is for the whole zone, not for one hostname"))
	}
	return errs
}
