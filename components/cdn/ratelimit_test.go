package cdn

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

func limited(plan Plan, l RateLimit) *Args {
	return &Args{ZoneID: zone, Plan: plan, RateLimit: l,
		Record: &Record{Name: pulumi.String("www"), Type: "A", Content: pulumi.String("192.0.2.1")}}
}

func TestWhatIsExposedIsLimited(t *testing.T) {
	require.False(t, *(&Args{ZoneID: zone}).withDefaults().RateLimit.Enabled, "nothing leads visitors to the zone")
	require.True(t, *limited(PlanFree, RateLimit{}).withDefaults().RateLimit.Enabled)
	require.False(t, *limited(PlanFree, RateLimit{Enabled: pulumi.BoolRef(false)}).withDefaults().RateLimit.Enabled)
	require.True(t, *(&Args{ZoneID: zone, RateLimit: RateLimit{Enabled: pulumi.BoolRef(true)}}).withDefaults().RateLimit.Enabled)
}

// Below Business a rate limiting rule sees the path alone.
func TestTheLimitedRequests(t *testing.T) {
	one := RateLimit{Paths: []string{"/orders"}}
	expression := func(plan Plan, l RateLimit) string {
		return rateLimit(limited(plan, l).withDefaults()).rules[0].expression
	}
	const path = `(starts_with(lower(http.request.uri.path), "/orders") or http.request.uri.path contains "//" or ` +
		`http.request.uri.path contains "\\" or http.request.uri.path contains ";" or http.request.uri.path contains "%")`
	require.Equal(t, path, expression(PlanFree, one))
	require.Equal(t, path, expression(PlanPro, one))
	for _, plan := range []Plan{PlanBusiness, PlanEnterprise} {
		require.Equal(t, `(http.request.method in {"POST" "PUT" "PATCH" "DELETE"} and `+path+")", expression(plan, one))
	}
	byDefault := expression(PlanFree, RateLimit{})
	for _, prefix := range []string{"/api", "/users", "/login"} {
		require.Contains(t, byDefault, `"`+prefix+`"`)
	}
	require.NotContains(t, byDefault, "healthz")
	args := limited(PlanFree, RateLimit{})
	args.BypassPrefixes = []string{"/orders"}
	require.Contains(t, rateLimit(args.withDefaults()).rules[0].expression, `"/orders"`)
}

func TestRateLimitsByPlan(t *testing.T) {
	for plan, most := range map[Plan]RateLimit{
		PlanFree: {Period: 10, Timeout: 10}, PlanPro: {Period: 60, Timeout: 3600},
		PlanBusiness: {Period: 600, Timeout: 86400}, PlanEnterprise: {Period: 3600, Timeout: 86400},
	} {
		require.NoError(t, limited(plan, RateLimit{}).Validate(), "the defaults on %s", plan)
		require.NoError(t, limited(plan, most).Validate(), plan)
	}
	requireEach(t, map[string]mistake{
		"period free":   {limited(PlanFree, RateLimit{Period: 60}), "rateLimit.period: Invalid value: 60: must be one of 10, which plan free allows"},
		"timeout free":  {limited(PlanFree, RateLimit{Timeout: 60}), "rateLimit.timeout: Invalid value: 60: must be one of 10, which plan free allows"},
		"period pro":    {limited(PlanPro, RateLimit{Period: 120}), "rateLimit.period: Invalid value: 120: must be one of 10, 60, which plan pro allows"},
		"timeout pro":   {limited(PlanPro, RateLimit{Timeout: 86400}), "rateLimit.timeout: Invalid value: 86400: must be one of 10, 60, 120, 300, 600, 3600, which plan pro allows"},
		"odd period":    {limited(PlanBusiness, RateLimit{Period: 15}), "rateLimit.period: Invalid value: 15: must be one of 10, 60, 120, 300, 600, which plan business allows"},
		"short period":  {limited(PlanFree, RateLimit{Period: 1}), "rateLimit.period: Invalid value: 1: must be between 10 and 3600"},
		"requests":      {limited(PlanFree, RateLimit{Requests: -1}), "rateLimit.requests: Invalid value: -1: must be between 1 and 1000000"},
		"no path":       {limited(PlanFree, RateLimit{Paths: []string{}}), "rateLimit.paths: Required value: leave it out for the default, or enabled false for no limit"},
		"path":          {limited(PlanFree, RateLimit{Paths: []string{"orders"}}), `rateLimit.paths[0]: Invalid value: "orders": must be a path prefix such as /orders`},
		"path twice":    {limited(PlanFree, RateLimit{Paths: []string{"/a", "/a"}}), `rateLimit.paths[1]: Duplicate value: "/a"`},
		"upper case":    {limited(PlanFree, RateLimit{Paths: []string{"/A"}}), `rateLimit.paths[0]: Invalid value: "/A": must be in lower case (matching ignores case)`},
		"whole service": {limited(PlanFree, RateLimit{Paths: []string{"/"}}), `rateLimit.paths[0]: Invalid value: "/": must name a folder: this would match everything`},
	})
}
