// Package rules reads the cache rules and page rules that the Cloudflare provider was
// given and combines those that match a request, as the pages "Available settings" and
// "Order and priority" of Cloudflare's documentation say: cache rules stack, and for
// each setting the last match wins. They override the one page rule that takes effect.
//
// Rate limiting rules are read here and counted by package rate.
//
// Anything that would change an answer but is not understood is an error.
package rules

import (
	"github.com/scalestack/scalestack/internal/edge/expression"
)

// Rules are the cache rules, rate limits, page rules and settings of a zone.
type Rules struct {
	Zone  string
	Rules []Rule
	// Limits are in their order: the first that blocks ends the request.
	Limits []Limit
	// Pages have the highest priority first.
	Pages         []PageRule
	Settings      ZoneSettings
	Normalization Normalization
}

// Normalization is what a zone does to URLs before its rules see them.
type Normalization struct {
	// Type is NormalizeRFC3986, the default, or NormalizeCloudflare.
	Type string `json:"type"`
	// Scope is NormalizeIncoming, the default, or NormalizeBoth.
	Scope string `json:"scope"`
}

// The types and scopes of normalization, by the API's names.
const (
	NormalizeRFC3986 = "rfc3986"
	// NormalizeCloudflare turns \ into / and merges slashes first.
	NormalizeCloudflare = "cloudflare"
	NormalizeIncoming   = "incoming"
	// NormalizeBoth sends the origin the same URL that rules see.
	NormalizeBoth = "both"
)

// ToOrigin reports whether the origin gets the normalized URL.
func (n Normalization) ToOrigin() bool { return n.Scope == NormalizeBoth }

// Rule is one rule, ready to be evaluated.
type Rule struct {
	Ref, Description string
	Enabled          bool
	When             *expression.Expression
	Set              Parameters
}

// ZoneSettings are the zone's own settings that matter to a cache.
type ZoneSettings struct {
	// CacheLevel is aggressive (Standard in the dashboard), basic or simplified.
	CacheLevel string `json:"cacheLevel"`
	// BrowserCacheTTL in seconds; 0 respects the origin.
	BrowserCacheTTL         int    `json:"browserCacheTtl"`
	DevelopmentMode         string `json:"developmentMode"`
	SortQueryStringForCache string `json:"sortQueryStringForCache"`
}

// The levels of caching, by the API's names.
const (
	LevelStandard      = "aggressive"
	LevelNoQuery       = "basic"
	LevelIgnoringQuery = "simplified"
)

// Eligibility is what the rules say about caching a request at all.
type Eligibility int

const (
	// ByDefault leaves it to Cloudflare's default file extensions.
	ByDefault Eligibility = iota
	// Eligible caches whatever the extension is.
	Eligible
	// Bypass caches nothing.
	Bypass
)

// Settings are what the rules say about one request.
type Settings struct {
	Eligibility Eligibility
	// Ref is the rule that decided the eligibility (of a page rule its target), or
	// "".
	Ref string
	// CachedBy is the last matching rule that caches, even if a later one
	// bypasses, or "".
	CachedBy string
	// Parameters hold the winning value of each setting.
	Parameters
	Zone ZoneSettings
}

// Count is how many rules the zone has, of all kinds.
func (r *Rules) Count() int { return len(r.Rules) + len(r.Limits) + len(r.Pages) }

// Evaluate combines the rules that match.
func (r *Rules) Evaluate(request *expression.Request) Settings {
	s := Settings{Zone: r.Settings}
	if page := r.page(request); page != nil {
		s.applyPage(page)
	}
	for i := range r.Rules {
		if rule := &r.Rules[i]; rule.Enabled && rule.When.Matches(request) {
			s.apply(rule.Ref, &rule.Set)
		}
	}
	if r.Settings.DevelopmentMode == "on" {
		s.Eligibility, s.Ref = Bypass, "development mode"
	}
	return s
}

// page returns the page rule that takes effect, or nil.
func (r *Rules) page(request *expression.Request) *PageRule {
	for i := range r.Pages {
		if p := &r.Pages[i]; p.Active && p.Matches(request) {
			return p
		}
	}
	return nil
}

func (s *Settings) applyPage(p *PageRule) {
	if p.Level != "" {
		s.Zone.CacheLevel = p.Level
	}
	if p.SortQuery != "" {
		s.Zone.SortQueryStringForCache = p.SortQuery
	}
	s.apply(p.Target, &p.Set)
}

// apply lets the parameters of a rule win over earlier ones.
func (s *Settings) apply(ref string, set *Parameters) {
	if set.Cache != nil {
		s.Eligibility, s.Ref = Bypass, ref
		if *set.Cache {
			s.Eligibility, s.CachedBy = Eligible, ref
		}
	}
	last(&s.EdgeTTL, set.EdgeTTL)
	last(&s.BrowserTTL, set.BrowserTTL)
	last(&s.CacheKey, set.CacheKey)
	last(&s.ServeStale, set.ServeStale)
	last(&s.RespectStrongETags, set.RespectStrongETags)
	last(&s.OriginCacheControl, set.OriginCacheControl)
}

func last[T any](current **T, next *T) {
	if next != nil {
		*current = next
	}
}

// StrictOrigin reports whether Origin Cache Control is on. It always is, except in
// Enterprise zones that turn it off.
func (s *Settings) StrictOrigin() bool {
	return s.OriginCacheControl == nil || *s.OriginCacheControl
}
