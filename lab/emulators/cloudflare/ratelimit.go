package cloudflare

import (
	"regexp"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/scalestack/scalestack/lab/emulators/provider"
)

// rateFields are a rate limit's. The provider leaves all but their types to the API.
func rateFields() provider.Fields {
	number, text := provider.Field{Kind: provider.Int}, provider.Field{Kind: provider.String}
	return provider.Fields{
		"characteristics":         texts(),
		"countingExpression":      text,
		"mitigationTimeout":       number,
		"period":                  number,
		"requestsPerPeriod":       number,
		"requestsToOrigin":        flag(),
		"scorePerPeriod":          number,
		"scoreResponseHeaderName": text,
	}
}

// The seconds that the API takes (page "Rate limiting parameters").
var (
	ratePeriods  = []int{10, 60, 120, 300, 600, 3600}
	rateTimeouts = []int{10, 60, 120, 300, 600, 3600, 86400}
)

// fieldName is a field in an expression; a call has a ( behind its name and a
// string is skipped.
var fieldName = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+`)

// rateAPI finds what the API refuses in a rule that limits requests.
func rateAPI(z *zone, path, expression string, in property.Map) []provider.Failure {
	var found []provider.Failure
	for _, name := range fieldName.FindAllString(expression, -1) {
		if allowed := z.limits().fields; name[0] != '"' && len(allowed) > 0 && !slices.Contains(allowed, name) {
			found = append(found, provider.Failf(path+".expression", "not entitled: %s is not possible on the plan %s", name, z.Plan))
		}
	}
	path += ".ratelimit"
	characteristics := namesOf(in.Get("characteristics"))
	if !slices.Contains(characteristics, "cf.colo.id") || !slices.Contains(characteristics, "ip.src") || len(characteristics) > 2 {
		found = append(found, provider.Failf(path+".characteristics", "%q must be cf.colo.id and ip.src: the emulator knows what every plan has",
			characteristics))
	}
	if n := in.Get("requestsPerPeriod"); !n.IsNumber() || n.AsNumber() < 1 {
		found = append(found, provider.Failf(path+".requestsPerPeriod", "must be at least 1"))
	}
	found = append(found, z.rateTime(path+".period", in.Get("period"), ratePeriods, z.limits().period)...)
	return append(found, z.rateTime(path+".mitigationTimeout", in.Get("mitigationTimeout"), rateTimeouts, z.limits().timeout)...)
}

func (z *zone) rateTime(path string, value property.Value, list []int, longest int) []provider.Failure {
	if value.IsNumber() && slices.Contains(list, int(value.AsNumber())) && int(value.AsNumber()) <= longest {
		return nil
	}
	return []provider.Failure{provider.Failf(path, "not entitled: must be one of %v and at most %d on the plan %s", list, longest, z.Plan)}
}

func namesOf(list property.Value) []string {
	var names []string
	if list.IsArray() {
		for _, item := range list.AsArray().All {
			if item.IsString() {
				names = append(names, item.AsString())
			}
		}
	}
	return names
}
