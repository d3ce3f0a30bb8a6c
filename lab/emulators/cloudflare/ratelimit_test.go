package cloudflare_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// limit is a ruleset with one rate limit that plan free takes, but for changes to the
// rule and to its ratelimit.
func limit(rule, rate props) props {
	return with(rules(with(props{
		"ref": "writes", "description": "", "enabled": true, "action": "block",
		"expression": `starts_with(lower(http.request.uri.path), "/api.v1")`,
		"ratelimit": with(props{
			"characteristics": []any{"cf.colo.id", "ip.src"}, "period": 10, "requestsPerPeriod": 100, "mitigationTimeout": 10,
		}, rate),
	}, rule)), props{"phase": "http_ratelimit"})
}

func TestRateLimits(t *testing.T) {
	x, _ := typeOf(t, "Ruleset")
	const first = "API the API refuses rules[0]."
	for _, c := range []struct {
		rule, rate props
		want       string
	}{
		{props{"action": "challenge"}, nil, first + "action: the emulator knows only"},
		{props{"expression": `http.request.method eq "POST"`}, nil, first + "expression: not entitled: http.request.method is not possible on the plan free"},
		{nil, props{"characteristics": []any{"ip.src"}}, first + "ratelimit.characteristics"},
		{nil, props{"characteristics": []any{"cf.colo.id", "http.host"}}, first + "ratelimit.characteristics"},
		{nil, props{"period": 60}, first + "ratelimit.period: not entitled: must be one of [10 60 120 300 600 3600] and at most 10 on the plan free"},
		{nil, props{"period": nil}, first + "ratelimit.period"},
		{nil, props{"mitigationTimeout": 60}, first + "ratelimit.mitigationTimeout"},
		{nil, props{"requestsPerPeriod": 0}, first + "ratelimit.requestsPerPeriod: must be at least 1"},
		{nil, props{"requests": 1}, "rules[0].ratelimit.requests: is not a known input"},
	} {
		refuses(t, x, limit(c.rule, c.rate), c.want)
	}
	in := limit(nil, nil)
	_, state := x.Create(in)
	require.Empty(t, x.Diff(state, in))
}

func TestThePlanLimitsRates(t *testing.T) {
	for plan, most := range map[string]struct{ period, timeout, rules int }{
		"free": {10, 10, 1}, "pro": {60, 3600, 2}, "business": {600, 86400, 5}, "enterprise": {3600, 86400, 100},
	} {
		x, dir := typeOf(t, "Ruleset")
		editZone(t, dir, zone, func(z props) { z["plan"] = plan })
		in := limit(nil, props{"period": most.period, "mitigationTimeout": most.timeout})
		many := []any{}
		for range most.rules + 1 {
			many = append(many, with(in["rules"].([]any)[0].(props), props{"ref": nil}))
		}
		require.ErrorContains(t, x.CreateError(with(in, props{"rules": many})), "rules: has", plan)
		id, state := x.Create(with(in, props{"rules": many[1:]}))
		require.NoError(t, x.Delete(id, state))
	}
}

// Phases are apart: a zone has one entry point for each.
func TestEachPhaseHasItsOwnEntryPoint(t *testing.T) {
	x, _ := typeOf(t, "Ruleset")
	x.Create(rules(rule("a", nil)))
	x.Create(limit(nil, nil))
	require.ErrorContains(t, x.CreateError(limit(nil, nil)), "phase http_ratelimit: A similar configuration with rules already exists")
}

// What a person empties in the dashboard keeps its description.
func TestAnEmptyEntryPoint(t *testing.T) {
	for description, want := range map[string]string{
		"":        "",
		"of ours": "'zone' is not a valid value for kind because exceeded maximum number of zone rulesets for phase http_request_cache_settings",
	} {
		x, _ := typeOf(t, "Ruleset")
		x.Create(with(rules(), props{"description": description}))
		_, _, err := x.TryCreate(rules(rule("a", nil)))
		if want == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, want)
		}
	}
}
