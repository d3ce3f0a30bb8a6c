package cdn

import (
	"fmt"

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

// limits are what a plan allows, by Cloudflare's documentation of cache rules,
// of page rules and of edge lifetimes.
type limits struct {
	// rules and pageRules are how many a zone may have, ours included.
	rules, pageRules int
	// leastEdgeTTL is the shortest edge lifetime in seconds.
	leastEdgeTTL int
	// keyLists allows named query parameters in cache keys. Lifetimes by status
	// code were Enterprise's too until December 2024 (cloudflare-docs#18587).
	keyLists bool
	// pageExtras allows page rules to set cache keys, lifetimes by status code,
	// strong ETags and "respect the origin" in browsers.
	pageExtras bool
}

var plans = map[Plan]limits{
	PlanFree:       {rules: 10, pageRules: 3, leastEdgeTTL: 2 * Hour},
	PlanPro:        {rules: 25, pageRules: 20, leastEdgeTTL: Hour},
	PlanBusiness:   {rules: 50, pageRules: 50, leastEdgeTTL: 1},
	PlanEnterprise: {rules: 300, pageRules: 125, leastEdgeTTL: 1, keyLists: true, pageExtras: true},
}

func (a *Args) checkPlan(path *field.Path) field.ErrorList {
	limit, known := plans[a.Plan]
	if !known {
		return nil // reported by the field's own values
	}
	errs := a.checkCount(path.Child("rules"), limit)
	for i, r := range a.Rules {
		at := path.Child("rules").Index(i)
		errs = append(errs, a.checkRulePlan(at, r, limit)...)
		if a.Mode == ModePageRules {
			errs = append(errs, a.checkPageRule(at, r, limit)...)
		}
	}
	return errs
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
