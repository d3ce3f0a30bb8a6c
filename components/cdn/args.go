package cdn

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/internal/settings"
)

// Lifetimes in seconds.
const (
	Hour  = 3600
	Day   = 24 * Hour
	Month = 30 * Day
	// MaxTTL is the longest lifetime that is allowed anywhere, a year.
	MaxTTL = 365 * Day
)

// Args describe the edge of one Cloudflare zone. A zero field means its default.
type Args struct {
	// ZoneID identifies the zone: 32 hexadecimal digits in lower case.
	ZoneID pulumi.StringInput `json:"zoneId" pulumi:"zoneId"`

	// Plan of the zone. It sets the limits that the rules are checked against.
	Plan Plan `json:"plan" pulumi:"plan,optional" default:"free" enum:"free,pro,business,enterprise"`

	// Mode is the Cloudflare product that holds the rules: cacheRules, or pageRules for a
	// zone that still has them (fewer rules, fewer settings, and no plan below pro).
	Mode Mode `json:"mode" pulumi:"mode,optional" default:"cacheRules" enum:"cacheRules,pageRules"`

	// Hostname is the host name of the zone that page rules apply to, without a scheme,
	// port or "*". Required with Mode pageRules and unused otherwise.
	Hostname string `json:"hostname" pulumi:"hostname,optional"`

	// Rules are the cacheable paths; the last match wins. Default: /static/* and
	// /images/* for 30 days and /js/* for 7, all of them in browsers for a day. The
	// rules that keep the API and authenticated paths out of the cache always follow.
	Rules []Rule `json:"rules" pulumi:"rules,optional"`

	// BypassPrefixes are further path prefixes that are never cached, in lower case.
	// Matching ignores case.
	BypassPrefixes []string `json:"bypassPrefixes" pulumi:"bypassPrefixes,optional"`

	// BrowserTTL is the lifetime in browsers, in seconds, of whatever no rule covers.
	// Cloudflare accepts 28 values for a zone: from 30 on plan enterprise, from 1800 on the
	// others. 0 respects the origin's headers.
	BrowserTTL *int `json:"browserTtl" pulumi:"browserTtl,optional" default:"86400" min:"0" max:"31536000"`

	// ZoneSettings sets the zone's cache level to Standard and its browser lifetime to
	// BrowserTTL. Both keep their values when this becomes false or the stack is destroyed.
	// The provider reads all of the zone's settings at once and fails if the plan or the
	// token hides one.
	ZoneSettings *bool `json:"zoneSettings" pulumi:"zoneSettings,optional" default:"true"`

	// TieredCache turns on smart tiered caching. Neither false nor destroying the stack
	// turns it off.
	TieredCache *bool `json:"tieredCache" pulumi:"tieredCache,optional" default:"true"`

	// Argo turns smart routing, which Cloudflare bills by traffic, on or off. To give it
	// up, set this to false first: leaving it out after true, like destroying the stack,
	// turns Argo off and the zone's tiered caching with it. Default: left as it is, because
	// a zone that never had Argo may not even turn it off.
	Argo *bool `json:"argo" pulumi:"argo,optional"`

	// Record is the proxied DNS record of the service. Default: none.
	Record *Record `json:"record" pulumi:"record,optional"`

	// OriginPulls makes the edge show a client certificate to the origin, whose TLS
	// proxy must demand it. An empty object means Cloudflare's shared certificate.
	// Default: none.
	OriginPulls *OriginPulls `json:"originPulls" pulumi:"originPulls,optional"`

	// RateLimit blocks addresses that send too many requests to paths that write.
	RateLimit RateLimit `json:"rateLimit" pulumi:"rateLimit,optional"`

	// EdgeRanges are the address ranges that the edge's requests come from, no wider than
	// /8, or /16 for IPv6. The zone does not use them: Ranges passes them to the firewall
	// in front of the origin. Default: those that Cloudflare published on 2026-09-29.
	EdgeRanges []string `json:"edgeRanges" pulumi:"edgeRanges,optional" format:"cidr"`
}

// DefaultRules cache /static/* for a month, images for longer than scripts,
// and all of them in browsers for a day.
func DefaultRules() []Rule {
	return []Rule{
		{Ref: "static", Path: "/static/*", EdgeTTL: Month, BrowserTTL: Day},
		{Ref: "images", Path: "/images/*", EdgeTTL: Month, BrowserTTL: Day},
		{Ref: "js", Path: "/js/*", EdgeTTL: 7 * Day, BrowserTTL: Day},
	}
}

// withDefaults returns a copy with every default filled in.
func (a *Args) withDefaults() *Args { return settings.WithDefaults(a) }

// Complete fills in the rules, what they keep of errors, the rate limit and the
// edge's ranges.
func (a *Args) Complete() {
	if a.Rules == nil {
		for _, r := range DefaultRules() {
			a.Rules = append(a.Rules, *settings.WithDefaults(&r))
		}
	}
	for i := range a.Rules {
		if r := &a.Rules[i]; r.StatusTTLs == nil && r.EdgeTTL > 0 && a.takesStatusTTLs() {
			r.StatusTTLs = ErrorsNotKept()
		}
	}
	a.RateLimit.complete(a.Record != nil)
	if a.EdgeRanges == nil {
		a.EdgeRanges = PublishedRanges()
	}
}

// takesStatusTTLs reports whether the zone takes lifetimes by status code.
func (a *Args) takesStatusTTLs() bool { return a.Mode != ModePageRules || plans[a.Plan].pageExtras }
