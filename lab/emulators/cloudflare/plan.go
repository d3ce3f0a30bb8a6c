package cloudflare

// limits are what a plan allows, enforced by the API.
type limits struct {
	// rules is how many rules the cache phase holds, rateLimits the rate limiting
	// phase, and pageRules how many page rules the zone has.
	rules, rateLimits, pageRules int
	// ttl is the shortest lifetime in seconds that a cache rule sets, and a page
	// rule at the edge; pageBrowserTTL is a page rule's for browsers (page "Edge and
	// Browser Cache TTL"). zoneBrowserTTL is the zone setting's.
	ttl, pageBrowserTTL, zoneBrowserTTL int
	// keys allows named query parameters in cache keys, and page rules with keys
	// and lifetimes by status.
	keys bool
	// period and timeout are the longest of a rate limit, in seconds, and fields what
	// its expression may look at; none means all (page "Rate limiting rules").
	period, timeout int
	fields          []string
}

var (
	freeFields     = []string{"http.request.uri.path", "cf.bot_management.verified_bot"}
	proFields      = append([]string{"http.host", "http.request.uri", "http.request.full_uri", "http.request.uri.query"}, freeFields...)
	businessFields = append([]string{"http.request.method", "ip.src", "http.user_agent"}, proFields...)
)

var plans = map[string]limits{
	"free": {rules: 10, rateLimits: 1, pageRules: 3, ttl: 7200, pageBrowserTTL: 120, zoneBrowserTTL: 1800,
		period: 10, timeout: 10, fields: freeFields},
	"pro": {rules: 25, rateLimits: 2, pageRules: 20, ttl: 3600, pageBrowserTTL: 120, zoneBrowserTTL: 1800,
		period: 60, timeout: 3600, fields: proFields},
	"business": {rules: 50, rateLimits: 5, pageRules: 50, ttl: 1, pageBrowserTTL: 120, zoneBrowserTTL: 1800,
		period: 600, timeout: 86400, fields: businessFields},
	"enterprise": {rules: 300, rateLimits: 100, pageRules: 125, ttl: 1, pageBrowserTTL: 30, zoneBrowserTTL: 0, keys: true,
		period: 65535, timeout: 86400},
}

// most is how many rules a phase holds. The emulator knows two phases.
func (l limits) most(phase string) int {
	if phase == ratePhase {
		return l.rateLimits
	}
	return l.rules
}

// limits takes a plan that it does not know for the least.
func (z *zone) limits() limits {
	if l, known := plans[z.Plan]; known {
		return l
	}
	return plans["free"]
}
