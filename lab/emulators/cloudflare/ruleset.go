package cloudflare

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/scalestack/scalestack/lab/emulators/provider"
)

const (
	cachePhase  = "http_request_cache_settings"
	cacheAction = "set_cache_settings"
	ratePhase   = "http_ratelimit"
	blockAction = "block"
	// maxExpression is the API's limit, in characters.
	maxExpression = 4096
)

// ruleset is the entry point of one phase of a zone. A change of its zone is an
// update, which looks for the old id in the new zone.
func ruleset() object {
	kind := oneOf("custom", "managed", "root", "zone")
	kind.Required = true
	zoneField := zoneID
	zoneField.Required, zoneField.Replace = false, false
	phase := oneOf(
		"ddos_l4", "ddos_l7", "http_config_settings", "http_custom_errors", "http_log_custom_fields", ratePhase, cachePhase,
		"http_request_dynamic_redirect", "http_request_firewall_custom", "http_request_firewall_managed",
		"http_request_late_transform", "http_request_origin", "http_request_redirect", "http_request_sanitize", "http_request_transform",
		"http_response_compression", "http_response_firewall_managed", "http_response_headers_transform", "magic_transit",
	)
	phase.Required, phase.Replace = true, true
	return object{
		kind:         "ruleset",
		importPrefix: "zone/",
		fields: provider.Fields{
			"accountId":   {Kind: provider.String},
			"zoneId":      zoneField,
			"kind":        kind,
			"phase":       phase,
			"name":        {Kind: provider.String, Required: true, Replace: true},
			"description": {Kind: provider.String, Assigned: true},
			"rules":       {Kind: provider.List, Elem: &provider.Field{Kind: provider.Object, Fields: ruleFields()}},
		},
		check:    checkRuleset,
		api:      rulesetAPI,
		id:       func(property.Map) string { return newID() },
		conflict: rulesetConflict,
		complete: completeRuleset,
	}
}

func ruleFields() provider.Fields {
	action := oneOf(
		"block", "challenge", "compress_response", "ddos_dynamic", "ddos_mitigation", "execute", "force_connection_close",
		"js_challenge", "log", "log_custom_field", "managed_challenge", "redirect", "rewrite", "route", "score", "serve_error",
		cacheAction, "set_config", "skip",
	)
	return provider.Fields{
		"id":               {Kind: provider.String, Computed: true},
		"ref":              {Kind: provider.String, Assigned: true},
		"description":      {Kind: provider.String, Default: ""},
		"enabled":          {Kind: provider.Bool, Default: true},
		"expression":       {Kind: provider.String, Required: true},
		"action":           action,
		"actionParameters": nested(cacheFields()),
		"ratelimit":        nested(rateFields()),
		"logging":          nested(provider.Fields{"enabled": flag()}),
	}
}

func rulesOf(in property.Map) []property.Map {
	list := in.Get("rules")
	if !list.IsArray() {
		return nil
	}
	var rules []property.Map
	for _, rule := range list.AsArray().All {
		if rule.IsMap() {
			rules = append(rules, rule.AsMap())
		} else {
			rules = append(rules, property.Map{})
		}
	}
	return rules
}

func checkRuleset(in property.Map) []provider.Failure {
	var found []provider.Failure
	if !in.Get("accountId").IsNull() && !in.Get("zoneId").IsNull() {
		found = append(found, provider.Failf("accountId", "cannot be set beside zoneId"))
	}
	for i, rule := range rulesOf(in) {
		if parameters, ok := mapOf(rule, "actionParameters"); ok {
			found = append(found, checkCache(fmt.Sprintf("rules[%d].actionParameters", i), parameters)...)
		}
	}
	return found
}

func rulesetAPI(z *zone, in property.Map) []provider.Failure {
	var found []provider.Failure
	if kind := textOf(in, "kind"); kind != "zone" {
		found = append(found, provider.Failf("kind", "%q is not possible in a zone", kind))
	}
	if rules, most := len(rulesOf(in)), z.limits().most(textOf(in, "phase")); rules > most {
		found = append(found, provider.Failf("rules", "has %d rules, the plan %s allows %d", rules, z.Plan, most))
	}
	refs := map[string]int{}
	for i, rule := range rulesOf(in) {
		path := fmt.Sprintf("rules[%d]", i)
		if ref := textOf(rule, "ref"); ref != "" {
			if first, twice := refs[ref]; twice {
				found = append(found, provider.Failf(path+".ref", "%q is the ref of rules[%d] already", ref, first))
			} else {
				refs[ref] = i
			}
		}
		found = append(found, checkExpression(path+".expression", textOf(rule, "expression"))...)
		found = append(found, ruleAPI(z, path, textOf(in, "phase"), rule)...)
	}
	return found
}

// ruleAPI checks a rule by its phase.
func ruleAPI(z *zone, path, phase string, rule property.Map) []provider.Failure {
	action := textOf(rule, "action")
	parameters, cached := mapOf(rule, "actionParameters")
	limit, limited := mapOf(rule, "ratelimit")
	switch {
	case action == cacheAction && phase != cachePhase:
		return []provider.Failure{provider.Failf(path+".action", "%s is only possible in phase %s, not in %s", cacheAction, cachePhase, phase)}
	case limited && phase != ratePhase:
		return []provider.Failure{provider.Failf(path+".ratelimit", "is only possible in phase %s, not in %s", ratePhase, phase)}
	case action == cacheAction && cached:
		return cacheAPI(z, path+".actionParameters", parameters)
	case phase == ratePhase && action == blockAction && limited && !cached:
		return rateAPI(z, path, textOf(rule, "expression"), limit)
	}
	return []provider.Failure{provider.Failf(path+".action", "the emulator knows only %s, with actionParameters, and in phase %s %s, with ratelimit",
		cacheAction, ratePhase, blockAction)}
}

// checkExpression finds what no expression can be right with. The language
// itself is not checked here.
func checkExpression(path, expression string) []provider.Failure {
	if expression == "" {
		return []provider.Failure{provider.Failf(path, "is empty")}
	}
	if len(expression) > maxExpression {
		return []provider.Failure{provider.Failf(path, "has %d characters, more than %d", len(expression), maxExpression)}
	}
	depth, quoted := 0, false
	for i := 0; i < len(expression) && depth >= 0; i++ {
		switch c := expression[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case strings.IndexByte("({[", c) >= 0:
			depth++
		case strings.IndexByte(")}]", c) >= 0:
			depth--
		}
	}
	switch {
	case quoted:
		return []provider.Failure{provider.Failf(path, "%s has a quote that does not end", expression)}
	case depth != 0:
		return []provider.Failure{provider.Failf(path, "%s has a bracket without its other half", expression)}
	}
	return nil
}

// rulesetConflict keeps to one entry point for each phase of a zone. The provider
// takes over what the dashboard leaves, an entry point with neither rules nor a
// description; one with a description the API refuses to make again.
func rulesetConflict(_ *zone, other, in property.Map) error {
	switch {
	case textOf(other, "phase") != textOf(in, "phase") || len(rulesOf(other)) == 0 && textOf(other, "description") == "":
		return nil
	case len(rulesOf(other)) == 0:
		return fmt.Errorf("'zone' is not a valid value for kind because exceeded maximum number of zone rulesets for phase %s (20217)",
			textOf(in, "phase"))
	}
	return fmt.Errorf("phase %s: A similar configuration with rules already exists and overwriting will have unintended "+
		"consequences; import it", textOf(in, "phase"))
}

// completeRuleset gives each rule its id. A rule keeps its id by its ref; one
// without a ref is new each time, as in the API.
func completeRuleset(_ *zone, old, in property.Map) (property.Map, error) {
	if in.Get("description").IsNull() {
		in = in.Set("description", property.New(textOf(old, "description")))
	}
	ids := map[string]property.Value{}
	for _, rule := range rulesOf(old) {
		ids[textOf(rule, "ref")] = rule.Get("id")
	}
	rules := []property.Value{}
	for _, rule := range rulesOf(in) {
		id, kept := ids[textOf(rule, "ref")]
		if !kept || !id.IsString() {
			id = property.New(newID())
		}
		if textOf(rule, "ref") == "" {
			rule = rule.Set("ref", id)
		}
		rules = append(rules, property.New(rule.Set("id", id)))
	}
	if in.Get("rules").IsNull() {
		return in, nil
	}
	return in.Set("rules", property.New(rules)), nil
}
