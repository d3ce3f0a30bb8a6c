package cdn

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

// requireLeast finds out that least is the shortest lifetime that passes.
func requireLeast(t *testing.T, path string, least int, with func(ttl int) *Args) {
	t.Helper()
	require.NoError(t, with(least).Validate())
	if least > 1 {
		require.ErrorContains(t, with(least-1).Validate(), fmt.Sprintf("%s: Invalid value: %d: must be", path, least-1))
	}
}

func TestLeastLifetimesInBrowsers(t *testing.T) {
	for plan, least := range map[Plan]int{PlanFree: 7200, PlanPro: 3600, PlanBusiness: 1, PlanEnterprise: 1} {
		requireLeast(t, "rules[0].browserTtl", least, func(ttl int) *Args {
			args := one(Rule{Path: "/a/*", BrowserTTL: ttl})
			args.Plan = plan
			return args
		})
	}
	for plan, least := range map[Plan]int{PlanPro: 120, PlanBusiness: 120, PlanEnterprise: 30} {
		requireLeast(t, "rules[0].browserTtl", least, func(ttl int) *Args { return page(plan, Rule{Path: "/a/*", BrowserTTL: ttl}) })
	}
	for plan, least := range map[Plan]int{PlanFree: 1800, PlanPro: 1800, PlanBusiness: 1800, PlanEnterprise: 30} {
		requireLeast(t, "browserTtl", least, func(ttl int) *Args { return &Args{ZoneID: zone, Plan: plan, BrowserTTL: &ttl} })
	}
}

func TestTheZoneTakesSomeLifetimesOnly(t *testing.T) {
	require.Len(t, zoneTTLs, 28)
	for _, ttl := range zoneTTLs {
		require.NoError(t, (&Args{ZoneID: zone, Plan: PlanEnterprise, BrowserTTL: &ttl}).Validate(), ttl)
	}
	err := (&Args{ZoneID: zone, BrowserTTL: pulumi.IntRef(3601)}).Validate()
	require.ErrorContains(t, err, "browserTtl: Invalid value: 3601: must be one of 0, 1800, 3600, 7200,")
	require.ErrorContains(t, err, "31536000, which plan free allows")
}

func TestQueryNamesAreLimited(t *testing.T) {
	args := func(n int) *Args {
		query := Query{Mode: QueryInclude}
		for i := range n {
			query.Names = append(query.Names, fmt.Sprintf("p%d", i))
		}
		made := one(Rule{Path: "/a/*", Query: query})
		made.Plan = PlanEnterprise
		return made
	}
	require.NoError(t, args(100).Validate())
	require.EqualError(t, args(101).Validate(), "rules[0].query.names: Too many: 101: must have at most 100 items")
}

func TestExpressionsAreLimited(t *testing.T) {
	long := "/" + strings.Repeat("a", 4096)
	require.ErrorContains(t, (&Args{ZoneID: zone, BypassPrefixes: []string{long}}).Validate(), "bypassPrefixes: Invalid value: ")
	var extensions []string
	for i := range 1000 {
		extensions = append(extensions, fmt.Sprintf("e%d", i))
	}
	require.ErrorContains(t, one(Rule{Extensions: extensions}).Validate(), "must make an expression of at most 4096 characters")
	limited := &Args{ZoneID: zone, RateLimit: RateLimit{Enabled: pulumi.BoolRef(true), Paths: []string{long}}}
	require.ErrorContains(t, limited.Validate(), "rateLimit.paths: Invalid value: ")
}
