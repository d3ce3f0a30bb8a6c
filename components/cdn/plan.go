package cdn

import "github.com/scalestack/scalestack/internal/check"

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

func checkPlan(errs *check.Errors, a *Args) {
	errs.OneOf("plan", string(a.Plan), string(PlanFree), string(PlanPro), string(PlanBusiness), string(PlanEnterprise))
	limit, known := plans[a.Plan]
	if !known {
		return
	}
	checkCount(errs, a, limit)
	for i, r := range a.Rules {
		checkRulePlan(errs, rulePath(i), r, a, limit)
		if a.Mode == ModePageRules {
			checkPageRule(errs, rulePath(i), r, a, limit)
		}
	}
}

func checkCount(errs *check.Errors, a *Args, limit limits) {
	kind, own, most := "", len(bypassRules(a)), limit.rules
	if a.Mode == ModePageRules {
		kind, own, most = " page rules", len(pageRules(a))-len(a.Rules), limit.pageRules
	}
	if total := len(a.Rules) + own; total > most {
		errs.Addf("rules", "%d and the %d bypass rules make %d, plan %s allows %d%s", len(a.Rules), own, total, a.Plan, most, kind)
	}
}

func checkRulePlan(errs *check.Errors, path string, r Rule, a *Args, limit limits) {
	if r.EdgeTTL > 0 && r.EdgeTTL < limit.leastEdgeTTL {
		errs.Addf(path+".edgeTtl", "%d is below %d seconds, the least that plan %s allows", r.EdgeTTL, limit.leastEdgeTTL, a.Plan)
	}
	if !limit.keyLists && (r.Query.Mode == QueryInclude || r.Query.Mode == QueryExclude) {
		everywhere := "all and ignore work"
		if a.Mode == ModePageRules {
			everywhere = "all works"
		}
		errs.Addf(path+".query.mode", "%q needs plan enterprise, the zone has %s; %s on every plan", r.Query.Mode, a.Plan, everywhere)
	}
}
