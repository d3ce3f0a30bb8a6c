package cdn

import (
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Plan is a Cloudflare plan.
type Plan string

// The plans, cheapest first.
const (
	PlanFree       Plan = "free"
	PlanPro        Plan = "pro"
	PlanBusiness   Plan = "business"
	PlanEnterprise Plan = "enterprise"
)

// limits are what a plan allows, according to Cloudflare's documentation ("Edge and
// Browser Cache TTL", "Cache Rules", "Page Rules" and "Rate limiting rules") and the
// API's description of browser_cache_ttl.
type limits struct {
	// rules and pageRules are how many a zone may have, ours included.
	rules, pageRules int
	// leastEdgeTTL is the shortest edge lifetime in seconds.
	leastEdgeTTL int
	// leastBrowserTTL is the shortest lifetime in browsers that a cache rule sets. The
	// documentation of 2026-08-14 says one second on every plan, that of 2024 two hours
	// on Free and one on Pro: what both allow is safe.
	leastBrowserTTL int
	// leastPageBrowserTTL is the same for page rules, and leastZoneTTL for the zone.
	leastPageBrowserTTL, leastZoneTTL int
	// longestPeriod and longestTimeout of a rate limit, in seconds, and whether its
	// expression may look at the method.
	longestPeriod, longestTimeout int
	methods                       bool
	// keyLists allows named query parameters in cache keys. Lifetimes by status
	// code were Enterprise's too until December 2024 (cloudflare-docs#18587).
	keyLists bool
	// pageExtras allows page rules to set cache keys, lifetimes by status code,
	// strong ETags and "respect the origin" in browsers.
	pageExtras bool
}

var plans = map[Plan]limits{
	PlanFree: {rules: 10, pageRules: 3, leastEdgeTTL: 2 * Hour,
		leastBrowserTTL: 2 * Hour, leastPageBrowserTTL: 120, leastZoneTTL: 1800,
		longestPeriod: 10, longestTimeout: 10},
	PlanPro: {rules: 25, pageRules: 20, leastEdgeTTL: Hour,
		leastBrowserTTL: Hour, leastPageBrowserTTL: 120, leastZoneTTL: 1800,
		longestPeriod: 60, longestTimeout: Hour},
	PlanBusiness: {rules: 50, pageRules: 50, leastEdgeTTL: 1,
		leastBrowserTTL: 1, leastPageBrowserTTL: 120, leastZoneTTL: 1800,
		longestPeriod: 600, longestTimeout: Day, methods: true},
	PlanEnterprise: {rules: 300, pageRules: 125, leastEdgeTTL: 1,
		leastBrowserTTL: 1, leastPageBrowserTTL: 30, leastZoneTTL: 30,
		longestPeriod: Hour, longestTimeout: Day, methods: true, keyLists: true, pageExtras: true},
}

// zoneTTLs are the lifetimes in browsers that the API and the provider take for a
// zone, in seconds. 0 respects the origin.
var zoneTTLs = []int{
	0, 30, 60, 120, 300, 1200, 1800, 3600, 7200, 10800, 14400, 18000, 28800, 43200, 57600, 72000, 86400, 172800,
	259200, 345600, 432000, 691200, 1382400, 2073600, 2678400, 5356800, 16070400, 31536000,
}

const (
	// maxNames is how many query parameters a cache key takes ("Cache Rules settings").
	maxNames = 100
	// maxExpression is the length of a rule's expression in characters, on every plan
	// ("Expressions" of the rules language).
	maxExpression = 4096
)

func (a *Args) checkPlan(path *field.Path) field.ErrorList {
	limit, known := plans[a.Plan]
	if !known {
		return nil // reported by the field's own values
	}
	errs := a.oneOf(path.Child("browserTtl"), *a.BrowserTTL, zoneTTLs, func(ttl int) bool { return ttl == 0 || ttl >= limit.leastZoneTTL })
	errs = append(errs, a.checkCount(path.Child("rules"), limit)...)
	errs = append(errs, a.checkExpressions(path)...)
	errs = append(errs, a.checkRateLimit(path.Child("rateLimit"), limit)...)
	if a.Mode == ModePageRules {
		errs = append(errs, a.checkURLs(path.Child("rules"))...)
	}
	for i, r := range a.Rules {
		at := path.Child("rules").Index(i)
		errs = append(errs, a.checkRulePlan(at, r, limit)...)
		if a.Mode == ModePageRules {
			errs = append(errs, a.checkPageRule(at, r, limit)...)
		}
	}
	return errs
}

// oneOf refuses a value that the plan does not offer. One beyond the list is out of
// the field's range, and reported.
func (a *Args) oneOf(path *field.Path, value int, list []int, offered func(int) bool) field.ErrorList {
	if value < list[0] || value > list[len(list)-1] {
		return nil
	}
	var choices []string
	for _, one := range list {
		if !offered(one) {
			continue
		}
		if one == value {
			return nil
		}
		choices = append(choices, strconv.Itoa(one))
	}
	return field.ErrorList{field.Invalid(path, value, fmt.Sprintf(
		"must be one of %s, which plan %s allows", strings.Join(choices, ", "), a.Plan))}
}

// checkExpressions refuses lists that do not fit into one rule.
func (a *Args) checkExpressions(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, r := range cacheRules(a).rules {
		at := path.Child("bypassPrefixes")
		if i < len(a.Rules) {
			at = path.Child("rules").Index(i)
		}
		if a.Mode == ModeCacheRules {
			errs = append(errs, checkExpression(at, r)...)
		}
	}
	if len(errs) > 0 || !*a.RateLimit.Enabled {
		return errs
	}
	at := path.Child("rateLimit", "paths")
	if a.RateLimit.Paths == nil {
		at = path.Child("bypassPrefixes") // the default has them
	}
	return checkExpression(at, rateLimit(a).rules[0])
}

func checkExpression(path *field.Path, r zoneRule) field.ErrorList {
	if n := len(r.expression); n > maxExpression {
		return field.ErrorList{field.Invalid(path, n, fmt.Sprintf("must make an expression of at most %d characters", maxExpression))}
	}
	return nil
}

func (a *Args) checkCount(path *field.Path, limit limits) field.ErrorList {
	kind, own, most := "rules", len(bypassRules(a)), limit.rules
	if a.Mode == ModePageRules {
		kind, own, most = "page rules", len(pageRules(a))-len(a.Rules), limit.pageRules
	}
	if len(a.Rules)+own <= most {
		return nil
	}
	return field.ErrorList{field.Invalid(path, len(a.Rules), fmt.Sprintf(
		"must be at most %d: plan %s allows %d %s, and %d of them bypass the cache", max(0, most-own), a.Plan, most, kind, own))}
}

func (a *Args) checkRulePlan(path *field.Path, r Rule, limit limits) field.ErrorList {
	var errs field.ErrorList
	if r.EdgeTTL > 0 && r.EdgeTTL < limit.leastEdgeTTL {
		errs = append(errs, a.tooShort(path.Child("edgeTtl"), r.EdgeTTL, limit.leastEdgeTTL))
	}
	least := limit.leastBrowserTTL
	if a.Mode == ModePageRules {
		least = limit.leastPageBrowserTTL
	}
	if r.BrowserTTL > 0 && r.BrowserTTL < least {
		errs = append(errs, a.tooShort(path.Child("browserTtl"), r.BrowserTTL, least))
	}
	if r.Query.named() && !limit.keyLists {
		everywhere := "all and ignore work"
		if a.Mode == ModePageRules {
			everywhere = "all works"
		}
		errs = append(errs, field.Invalid(path.Child("query", "mode"), r.Query.Mode, fmt.Sprintf(
			"needs plan enterprise, the zone has %s; %s on every plan", a.Plan, everywhere)))
	}
	return errs
}

func (a *Args) tooShort(path *field.Path, ttl, least int) *field.Error {
	return field.Invalid(path, ttl, fmt.Sprintf("must be 0 or at least %d, the least that plan %s allows", least, a.Plan))
}
