package cloudflare

// limits are what a plan allows, enforced by the API.
type limits struct {
	// rules is how many rules the cache phase holds, pageRules how many page rules
	// the zone has.
	rules, pageRules int
	// ttl is the shortest lifetime in seconds that a cache rule sets, and a page
	// rule at the edge; pageBrowserTTL is a page rule's for browsers (page "Edge and
	// Browser Cache TTL"). zoneBrowserTTL is the zone setting's.
	ttl, pageBrowserTTL, zoneBrowserTTL int
	// keys allows named query parameters in cache keys, and page rules with keys
	// and lifetimes by status.
	keys bool
}

var plans = map[string]limits{
	"free":       {rules: 10, pageRules: 3, ttl: 7200, pageBrowserTTL: 120, zoneBrowserTTL: 1800},
	"pro":        {rules: 25, pageRules: 20, ttl: 3600, pageBrowserTTL: 120, zoneBrowserTTL: 1800},
	"business":   {rules: 50, pageRules: 50, ttl: 1, pageBrowserTTL: 120, zoneBrowserTTL: 1800},
	"enterprise": {rules: 300, pageRules: 125, ttl: 1, pageBrowserTTL: 30, zoneBrowserTTL: 0, keys: true},
}

// limits takes a plan that it does not know for the least.
func (z *zone) limits() limits {
	if l, known := plans[z.Plan]; known {
		return l
	}
	return plans["free"]
}
