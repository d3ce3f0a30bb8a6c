package cdn

import "slices"

// bypassRef begins the refs of the rules that the package adds by itself.
const bypassRef = "bypass-"

// api and authenticated are path prefixes whose answers depend on the caller
// or on the moment.
var (
	written       = []string{"/api", "/users"}
	api           = append(slices.Clone(written), "/healthz", "/readyz", "/metrics")
	authenticated = []string{"/auth", "/login", "/logout", "/account", "/admin"}
)

// ambiguous are parts of a path that two servers may read differently:
// doubled and encoded separators, dot segments, path parameters, encodings of
// encodings and of no character. The edge would take such a path for a cached
// folder's or for a file's by its extension, and the origin for a user's page.
var ambiguous = []string{"//", "/.", `\`, ";", "%2e", "%2f", "%5c", "%3b", "%25", "%00", "%c0", "%c1"}

// foreign are the same for what is not ASCII, as normalization writes it whether the visitor
// has encoded it or not: overlong forms, letters that become an i, s or k in another case
// (İ ı ſ K), and the wide forms of ASCII.
var foreign = []string{"%c0", "%c1", "%c4%b0", "%c4%b1", "%c5%bf", "%e2%84%aa", "%ef%bc", "%ef%bd"}

// AlwaysBypassed returns the path prefixes that no setting makes cacheable.
func AlwaysBypassed() []string { return slices.Concat(api, authenticated) }

// ruleset is what a zone does in one phase of a request.
type ruleset struct {
	name, description, phase string
	rules                    []zoneRule
}

// zoneRule is one rule of a ruleset.
type zoneRule struct {
	ref, description, expression string
	disabled                     bool
	// limit is how many requests may come; nil does not limit them.
	limit *RateLimit
	// cache is what to cache; nil bypasses the cache.
	cache *Rule
}

// cacheRules lists the cacheable rules and then the bypass rules: all matching rules
// apply, and the last one wins.
func cacheRules(a *Args) ruleset {
	set := ruleset{
		name:        "scalestack cache rules",
		description: "What the edge caches and what it must not",
		phase:       "http_request_cache_settings",
	}
	for i := range a.Rules {
		r := &a.Rules[i]
		set.rules = append(set.rules, zoneRule{
			ref: r.Ref, description: r.Description, expression: r.expression(), disabled: r.Disabled, cache: r,
		})
	}
	set.rules = append(set.rules, bypassRules(a)...)
	return set
}

// bypassRules keep requests out of the cache.
func bypassRules(a *Args) []zoneRule {
	return []zoneRule{
		{ref: bypassRef + "api", description: "Never cache the API",
			expression: anyOf(prefixes(slices.Concat(api, a.BypassPrefixes))...)},
		{ref: bypassRef + "authenticated",
			description: "Never cache authenticated paths and requests, or what servers may take for one",
			expression:  anyOf(slices.Concat(prefixes(authenticated), []string{authorized}, ambiguities())...)},
	}
}

func ambiguities() []string {
	var terms []string
	for _, part := range ambiguous {
		terms = append(terms, contains(fieldRawPathLower, part))
	}
	for _, part := range foreign {
		terms = append(terms, contains(fieldPathLower, part))
	}
	return terms
}

func prefixes(paths []string) []string {
	terms := make([]string, len(paths))
	for i, p := range paths {
		terms[i] = startsWith(fieldPathLower, p)
	}
	return terms
}
