// Package cdn puts Cloudflare's cache in front of the app: one cache ruleset
// for the zone, the zone's own settings, tiered caching and, by choice, Argo
// and a proxied DNS record.
//
// Rules are data. Those given cache; two rules that the package adds by
// itself come last, where Cloudflare lets them win, and keep every API and
// authenticated path out of the cache. No setting removes them. A zone that still
// has page rules may keep them, see ModePageRules: there everything is bypassed
// but what a rule names.
//
//	edge, err := cdn.New(ctx, "cdn", &cdn.Args{
//		ZoneID: "0123456789abcdef0123456789abcdef",
//		Plan:   cdn.PlanPro,
//	})
//
// Who may reach the origin beside the edge is decided by three things: the app's
// NetworkPolicy, which lets nobody in by default and takes the edge's Ranges;
// OriginPulls, a certificate that a proxy in front of the app demands; or a
// tunnel, whose pods are the app's only callers and whose host name
// (<tunnel>.cfargotunnel.com) is the Record's content, type CNAME.
//
// The API token belongs to the provider (`pulumi config set --secret
// cloudflare:apiToken`, or CLOUDFLARE_API_TOKEN); this package never sees it.
// It is the only one that imports the Cloudflare SDK, whose compile time is
// the largest after Kubernetes'.
package cdn

import "slices"

// Seconds in the units that cache lifetimes are spoken of.
const (
	Hour  = 3600
	Day   = 24 * Hour
	Month = 30 * Day
	// MaxTTL is the longest lifetime that is allowed anywhere, a year.
	MaxTTL = 365 * Day
)

// Args describes the edge of one Cloudflare zone.
type Args struct {
	// ZoneID is the zone's identifier: 32 hexadecimal digits, lower case.
	ZoneID string
	// Plan is what the zone pays for and sets the limits that the rules are
	// checked against. Default PlanFree, the strictest.
	Plan Plan
	// Mode is the product of Cloudflare that holds the rules. Default
	// ModeCacheRules.
	Mode Mode
	// Hostname is the one host name of the zone that page rules are for, without
	// a scheme, port or *. ModePageRules needs it, and nothing else uses it.
	Hostname string
	// Rules are the cacheable paths, the last match wins. nil means DefaultRules.
	Rules []Rule
	// BypassPrefixes are further path prefixes that are never cached, beside
	// those of AlwaysBypassed, in lower case. Matching ignores case.
	BypassPrefixes []string
	// BrowserTTL is the zone's browser cache lifetime in seconds, 0 to MaxTTL.
	// nil means a day; 0 respects the origin's headers.
	BrowserTTL *int
	// SkipZoneSettings leaves the zone's own settings alone. The provider reads
	// all of them at once and fails if the plan or the token hides one
	// (pulumi-cloudflare#5818 and #2910 upstream).
	SkipZoneSettings bool
	// SkipTieredCache leaves tiered caching as it is.
	SkipTieredCache bool
	// Argo turns smart routing on, which Cloudflare bills by traffic.
	Argo bool
	// Record is the proxied DNS record of the app; nil makes none.
	Record *Record
	// OriginPulls makes the edge prove to the origin who it is; nil does not.
	OriginPulls *OriginPulls
	// EdgeRanges are the address ranges that the edge's requests come from, not
	// wider than /8, or /16 of IPv6. nil means PublishedRanges. Nothing of the
	// zone uses them: Ranges hands them to the firewall in front of the origin.
	EdgeRanges []string
}

// Rule makes one group of paths cacheable.
type Rule struct {
	// Ref identifies the rule for ever, so that a change is an update and not a
	// new rule: 1 to 40 of a-z, 0-9 and "-".
	Ref string
	// Description is what the dashboard shows. Default: the paths.
	Description string
	// Path is "/folder/*" for all below a folder, or one exact path.
	Path string
	// Extensions are file extensions without the dot, for example "css". With a
	// Path, both must match. One of the two is required.
	Extensions []string
	// EdgeTTL is the lifetime at the edge in seconds, from the plan's least to
	// MaxTTL; the origin's headers are overridden. 0 respects the origin.
	EdgeTTL int
	// BrowserTTL is the lifetime in browsers in seconds, 1 to MaxTTL.
	// 0 respects the origin.
	BrowserTTL int
	// Query says which part of the query string belongs to the cache key.
	Query Query
	// StatusTTLs give responses of some status codes another edge lifetime. nil
	// means ErrorsNotKept with an EdgeTTL, which would be the lifetime of errors as
	// well: a file that an old pod does not have yet would be missing for a month.
	// Without an EdgeTTL nil means none, and so it does with page rules below
	// Enterprise, which cannot say it. An empty list means none.
	StatusTTLs []StatusTTL
	// RefuseStale makes visitors wait for the origin where it allows the edge to
	// answer with an old object meanwhile (stale-while-revalidate).
	RefuseStale bool
	// StrongETags passes on the origin's ETag as it is, so that bytes are compared
	// and not meanings; Cloudflare then leaves the body as it is, too. Without it
	// the edge makes the ETag weak where it compresses.
	StrongETags bool
	// SkipArmor stores an answer whose Content-Type does not fit the extension in
	// its path. With the armor such an answer, which may be a user's page under a
	// picture's name, is not kept. The armor works on every plan, but an EdgeTTL or
	// a Cache-Control header of the origin may override it, and it takes JSON for
	// a script (cloudflare-docs#28820): it is a second line behind the bypass rules.
	SkipArmor bool
	// Disabled keeps the rule in the zone without effect.
	Disabled bool
}

// Query is the query string's share of a cache key.
type Query struct {
	// Mode is QueryAll (default), QueryIgnore, QueryInclude or QueryExclude.
	Mode string
	// Names are the parameters of QueryInclude and QueryExclude.
	Names []string
}

// The modes of Query.
const (
	// QueryAll makes every query string an object of its own.
	QueryAll = "all"
	// QueryIgnore leaves the query string out: for names with a hash only.
	QueryIgnore = "ignore"
	// QueryInclude takes the named parameters alone (Enterprise).
	QueryInclude = "include"
	// QueryExclude leaves the named parameters out (Enterprise).
	QueryExclude = "exclude"
)

// StatusTTL is the edge lifetime of the responses From <= status <= To.
type StatusTTL struct {
	// From and To are status codes, 100 to 599.
	From, To int
	// TTL is the lifetime in seconds, to MaxTTL; 0 asks the origin each time, and
	// NotKept stores nothing.
	TTL int
}

// NotKept is the TTL of responses that the edge must not store.
const NotKept = -1

// ErrorsNotKept are the StatusTTLs that keep client and server errors out of the
// cache.
func ErrorsNotKept() []StatusTTL { return []StatusTTL{{From: 400, To: 599, TTL: NotKept}} }

// Record is a DNS record that Cloudflare proxies.
type Record struct {
	// Name is the host name, for example "www".
	Name string
	// Type is A, AAAA or CNAME.
	Type string
	// Content is the origin's address or host name.
	Content string
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

func (a *Args) withDefaults() *Args {
	d := Args{}
	if a != nil {
		d = *a
	}
	if d.Plan == "" {
		d.Plan = PlanFree
	}
	if d.Rules == nil {
		d.Rules = DefaultRules()
	}
	if d.Mode == "" {
		d.Mode = ModeCacheRules
	}
	d.Rules = slices.Clone(d.Rules)
	for i := range d.Rules {
		d.Rules[i] = d.Rules[i].withDefaults(d.statusTTLs())
	}
	if d.EdgeRanges == nil {
		d.EdgeRanges = publishedRanges
	}
	if d.BrowserTTL == nil {
		day := Day
		d.BrowserTTL = &day
	}
	return &d
}

// statusTTLs tells whether the zone takes lifetimes by status code.
func (a *Args) statusTTLs() bool { return a.Mode != ModePageRules || plans[a.Plan].pageExtras }

func (r Rule) withDefaults(statusTTLs bool) Rule {
	if r.StatusTTLs == nil && r.EdgeTTL > 0 && statusTTLs {
		r.StatusTTLs = ErrorsNotKept()
	}
	if r.Query.Mode == "" {
		r.Query.Mode = QueryAll
	}
	if r.Description == "" {
		r.Description = "Cache " + r.subject()
	}
	return r
}
