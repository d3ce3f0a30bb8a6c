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

// limits are what a plan allows, by Cloudflare's documentation of cache rules
// and of edge lifetimes.
type limits struct {
	// rules is how many cache rules a zone may have, ours included.
	rules int
	// leastEdgeTTL is the shortest edge lifetime in seconds.
	leastEdgeTTL int
	// keyLists allows named query parameters in cache keys. Lifetimes by status
	// code were Enterprise's too until December 2024 (cloudflare-docs#18587).
	keyLists bool
}

var plans = map[Plan]limits{
	PlanFree:       {rules: 10, leastEdgeTTL: 2 * Hour},
	PlanPro:        {rules: 25, leastEdgeTTL: Hour},
	PlanBusiness:   {rules: 50, leastEdgeTTL: 1},
	PlanEnterprise: {rules: 300, leastEdgeTTL: 1, keyLists: true},
}

func checkPlan(errs *check.Errors, a *Args) {
	errs.OneOf("plan", string(a.Plan), string(PlanFree), string(PlanPro), string(PlanBusiness), string(PlanEnterprise))
	limit, known := plans[a.Plan]
	if !known {
		return
	}
	if own, total := len(bypassRules(a)), len(a.Rules)+len(bypassRules(a)); total > limit.rules {
		errs.Addf("rules", "%d and the %d bypass rules make %d, plan %s allows %d", len(a.Rules), own, total, a.Plan, limit.rules)
	}
	for i, r := range a.Rules {
		checkRulePlan(errs, rulePath(i), r, a.Plan, limit)
	}
}

func checkRulePlan(errs *check.Errors, path string, r Rule, plan Plan, limit limits) {
	if r.EdgeTTL > 0 && r.EdgeTTL < limit.leastEdgeTTL {
		errs.Addf(path+".edgeTtl", "%d is below %d seconds, the least that plan %s allows", r.EdgeTTL, limit.leastEdgeTTL, plan)
	}
	if !limit.keyLists && (r.Query.Mode == QueryInclude || r.Query.Mode == QueryExclude) {
		errs.Addf(path+".query.mode", "%q needs plan enterprise, the zone has %s; all and ignore work on every plan", r.Query.Mode, plan)
	}
}
