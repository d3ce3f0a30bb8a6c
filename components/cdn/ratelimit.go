package cdn

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// RateLimit blocks an address that sends too many requests to paths that write. Each of
// Cloudflare's data centres counts on its own, and some seconds late: the limit stops a
// flood but is no exact quota. Users behind one address share it.
type RateLimit struct {
	// Enabled creates the zone's rate limiting ruleset, of which a zone has only one.
	// Default: true where the service is exposed, by a DNS record or, in a stack, by a
	// service with allowEdge.
	Enabled *bool `json:"enabled" pulumi:"enabled,optional"`

	// Paths are the path prefixes, in lower case, that are counted together, and with them
	// every path that a server may mistake for one of these (with //, \, ; or %). Plans
	// business and enterprise count only requests that write (POST, PUT, PATCH, DELETE),
	// the others all. Matching ignores case. Default: what is never cached, except
	// /healthz, /readyz and /metrics.
	Paths []string `json:"paths" pulumi:"paths,optional"`

	// Requests that one address may send in a Period before it is blocked. The default
	// allows a person about three pages a second that call the API three times each.
	Requests int `json:"requests" pulumi:"requests,optional" default:"100" min:"1" max:"1000000"`

	// Period is the time, in seconds, in which requests are counted: 10; from plan pro
	// also 60; from business 120, 300 and 600; on enterprise 3600.
	Period int `json:"period" pulumi:"period,optional" default:"10" min:"10" max:"3600"`

	// Timeout is how long an address stays blocked, in seconds: 10; from plan pro also
	// 60, 120, 300, 600 and 3600; from business 86400.
	Timeout int `json:"timeout" pulumi:"timeout,optional" default:"10" min:"10" max:"86400"`
}

// What the API takes, by "Rate limiting parameters" in Cloudflare's documentation.
var (
	ratePeriods  = []int{10, 60, 120, 300, 600, 3600}
	rateTimeouts = []int{10, 60, 120, 300, 600, 3600, 86400}
)

// complete enables the limit if the service is exposed, unless the user decided.
func (l *RateLimit) complete(exposed bool) {
	if l.Enabled == nil {
		l.Enabled = &exposed
	}
}

// limitedPaths are the prefixes that the zone limits.
func (a *Args) limitedPaths() []string {
	if a.RateLimit.Paths != nil {
		return a.RateLimit.Paths
	}
	return slices.Concat(written, authenticated, a.BypassPrefixes)
}

// Check refuses what is no path prefix.
func (l *RateLimit) Check(path *field.Path) field.ErrorList {
	if l.Paths != nil && len(l.Paths) == 0 {
		return field.ErrorList{field.Required(path.Child("paths"), "leave it out for the default, or enabled false for no limit")}
	}
	return checkPrefixes(path.Child("paths"), l.Paths)
}

// checkRateLimit holds the times against the plan.
func (a *Args) checkRateLimit(path *field.Path, limit limits) field.ErrorList {
	return slices.Concat(
		a.oneOf(path.Child("period"), a.RateLimit.Period, ratePeriods, func(s int) bool { return s <= limit.longestPeriod }),
		a.oneOf(path.Child("timeout"), a.RateLimit.Timeout, rateTimeouts, func(s int) bool { return s <= limit.longestTimeout }),
	)
}

// spellings matches paths that an origin may read as one of the limited ones but the
// rule does not. Below Business a rule sees only the normalized path, in which dots and
// letters are no longer encoded.
func spellings() []string {
	var terms []string
	for _, part := range []string{"//", `\`, ";", "%"} {
		terms = append(terms, contains(fieldPath, part))
	}
	return terms
}

// rateLimit is the zone's rate limiting ruleset: one rule, as many as plan free has.
func rateLimit(a *Args) ruleset {
	paths := anyOf(slices.Concat(prefixes(a.limitedPaths()), spellings())...)
	what := "Limit requests to the API"
	if plans[a.Plan].methods {
		paths, what = allOf(in(fieldMethod, []string{"POST", "PUT", "PATCH", "DELETE"}), paths), "Limit writes to the API"
	}
	return ruleset{
		name:        "scalestack rate limit",
		description: "How often one address may use what writes",
		phase:       "http_ratelimit",
		rules:       []zoneRule{{ref: "writes", description: what, expression: paths, limit: &a.RateLimit}},
	}
}
