// Package rules reads the cache rules that the Cloudflare provider was given
// and combines those that match a request, as the pages "Available settings"
// and "Order and priority" of Cloudflare's documentation say: rules stack, and
// for each setting the last rule that matches wins.
//
// What would change an answer and is not understood is an error.
package rules

import (
	"github.com/scalestack/scalestack/lab/edge/expression"
)

// Rules are the cache rules and settings of a zone.
type Rules struct {
	Zone     string
	Rules    []Rule
	Settings ZoneSettings
}

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
	// Ref is the rule that decided the eligibility, or "".
	Ref string
	// CachedBy is the last matching rule that caches, even if a later one
	// bypasses, or "".
	CachedBy string
	// Parameters hold the winning value of each setting.
	Parameters
	Zone ZoneSettings
}

// Evaluate combines the rules that match.
func (r *Rules) Evaluate(request *expression.Request) Settings {
	s := Settings{Zone: r.Settings}
	for i := range r.Rules {
		if rule := &r.Rules[i]; rule.Enabled && rule.When.Matches(request) {
			s.apply(rule)
		}
	}
	if r.Settings.DevelopmentMode == "on" {
		s.Eligibility, s.Ref = Bypass, "development mode"
	}
	return s
}

func (s *Settings) apply(r *Rule) {
	if r.Set.Cache != nil {
		s.Eligibility, s.Ref = Bypass, r.Ref
		if *r.Set.Cache {
			s.Eligibility, s.CachedBy = Eligible, r.Ref
		}
	}
	last(&s.EdgeTTL, r.Set.EdgeTTL)
	last(&s.BrowserTTL, r.Set.BrowserTTL)
	last(&s.CacheKey, r.Set.CacheKey)
	last(&s.ServeStale, r.Set.ServeStale)
	last(&s.RespectStrongETags, r.Set.RespectStrongETags)
	last(&s.OriginCacheControl, r.Set.OriginCacheControl)
}

func last[T any](current **T, next *T) {
	if next != nil {
		*current = next
	}
}

// StrictOrigin says whether Origin Cache Control is on. It always is, but for
// zones on Enterprise that turn it off.
func (s *Settings) StrictOrigin() bool {
	return s.OriginCacheControl == nil || *s.OriginCacheControl
}
