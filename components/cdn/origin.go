package cdn

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/internal/check"
)

// OriginPulls makes the edge show a client certificate to the origin, on every
// plan. It locks nobody out by itself: the server that ends TLS in front of the
// app must demand the certificate, and the zone's encryption must be Full or
// Full (strict).
type OriginPulls struct {
	// CertificateID names a certificate that was uploaded to the zone. Its key is
	// no setting, since it would end up in the stack's state. "" means the one
	// that Cloudflare shows for all its customers: it proves that a request comes
	// from Cloudflare, not that it comes from this zone.
	CertificateID string
	// Hostname limits the certificate to one host name; it needs CertificateID.
	// "" means the whole zone.
	Hostname string
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

// Ranges returns where requests of the edge come from, for the callers of a
// NetworkPolicy or for a firewall. Cloudflare's other customers share them, so
// that an allow-list keeps scanners away and not another customer's zone.
func (a *Args) Ranges() []string { return slices.Clone(a.withDefaults().EdgeRanges) }

// The widest ranges that are taken for an edge's, in bits.
const (
	widest4 = 8
	widest6 = 16
)

// certificate is a UUID or 32 hexadecimal digits, as the API gives.
var certificate = regexp.MustCompile(`^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$`)

func checkOrigin(errs *check.Errors, a *Args) {
	seen := map[string]int{}
	for i, text := range a.EdgeRanges {
		path := fmt.Sprintf("edgeRanges[%d]", i)
		checkRange(errs, path, text)
		if first, twice := seen[text]; twice {
			errs.Addf(path, "%q is edgeRanges[%d] already", text, first)
		}
		seen[text] = i
	}
	if len(a.EdgeRanges) == 0 {
		errs.Addf("edgeRanges", "is empty, the edge comes from somewhere; leave it out for the published ranges")
	}
	checkPulls(errs, a.OriginPulls)
}

func checkRange(errs *check.Errors, path, text string) {
	prefix, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		errs.Addf(path, "%q is not an address range such as 104.16.0.0/13", text)
	case prefix != prefix.Masked():
		errs.Addf(path, "%q has bits behind its mask, %s has not", text, prefix.Masked())
	case prefix.Addr().Is4() && prefix.Bits() < widest4:
		errs.Addf(path, "%q is wider than /%d, which is no edge", text, widest4)
	case prefix.Addr().Is6() && prefix.Bits() < widest6:
		errs.Addf(path, "%q is wider than /%d, which is no edge", text, widest6)
	}
}

func checkPulls(errs *check.Errors, p *OriginPulls) {
	if p == nil {
		return
	}
	if p.CertificateID != "" && !certificate.MatchString(p.CertificateID) {
		errs.Addf("originPulls.certificateId", "%q is not a certificate's id of 32 hexadecimal digits", p.CertificateID)
	}
	switch {
	case p.Hostname != "" && !hostName.MatchString(p.Hostname):
		errs.Addf("originPulls.hostname", "%q is not a host name", p.Hostname)
	case p.Hostname != "" && p.CertificateID == "":
		errs.Addf("originPulls.hostname", "%q needs certificateId: the shared certificate is for the whole zone", p.Hostname)
	}
}

func originPullsArgs(a *Args) *cloudflare.AuthenticatedOriginPullsArgs {
	args := &cloudflare.AuthenticatedOriginPullsArgs{ZoneId: pulumi.String(a.ZoneID), Enabled: pulumi.Bool(true)}
	if a.OriginPulls.CertificateID != "" {
		args.AuthenticatedOriginPullsCertificate = pulumi.String(a.OriginPulls.CertificateID)
	}
	if a.OriginPulls.Hostname != "" {
		args.Hostname = pulumi.String(a.OriginPulls.Hostname)
	}
	return args
}
