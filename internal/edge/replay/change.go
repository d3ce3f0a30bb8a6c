package replay

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/scalestack/scalestack/internal/edge/expression"
	"github.com/scalestack/scalestack/internal/edge/policy"
	"github.com/scalestack/scalestack/internal/edge/rules"
)

// Lifetimes of the rules that are advised, in seconds: what every plan takes.
const (
	fileTTL = 30 * 24 * 3600
	pageTTL = 2 * 3600
	yearTTL = 365 * 24 * 3600
)

// change is one setting that could cache more of a request.
type change struct {
	key string
	// group joins changes that are one setting, such as a rule for several extensions;
	// part is this one's share in it.
	group, part string
	setting     func(parts []string) string
	unless      string
	// rules are those that the setting makes of the rules as they are, or nil.
	rules func(base *rules.Rules) *rules.Rules
}

// changes are the settings that concern a request. Nothing is advised for what a rule
// keeps out of the cache on purpose. Page rules take no rule that would not change the
// order of the others: only cache rules are advised on.
func changes(base *rules.Rules, r *replayed) []change {
	switch {
	case r.settings.Eligibility == rules.Bypass || len(base.Pages) > 0:
		return nil
	case r.settings.CachedBy != "":
		return ruleChanges(r)
	case policy.Static(r.request) && r.request.Extension() != "txt":
		return []change{extensionChange(r.request.Extension())}
	}
	if path, folder := place(r.request.Path); path != "" {
		return []change{pathChange(path, folder)}
	}
	return nil
}

// ruleChanges let a rule keep longer, and share an object between query strings.
func ruleChanges(r *replayed) []change {
	var all []change
	ref, ttl := r.settings.CachedBy, r.settings.EdgeTTL
	if ttl == nil || ttl.Default == nil || *ttl.Default < yearTTL {
		longer := fileTTL
		if ttl != nil && ttl.Default != nil && *ttl.Default >= fileTTL {
			longer = yearTTL
		}
		all = append(all, only(fmt.Sprintf("edgeTtl: %d in the rule %s", longer, ref), "a release changes files without purging them",
			func(base *rules.Rules) *rules.Rules {
				return instead(base, ref, func(p *rules.Parameters) {
					kept := rules.EdgeTTL{Mode: rules.OverrideOrigin, Default: &longer}
					if p.EdgeTTL != nil {
						kept.StatusCodeTTLs = p.EdgeTTL.StatusCodeTTLs
					}
					p.EdgeTTL = &kept
				})
			}))
	}
	if !policy.IgnoresQuery(r.request, &r.settings) {
		all = append(all, only("query: {mode: ignore} in the rule "+ref, "a query string chooses what is answered",
			func(base *rules.Rules) *rules.Rules { return instead(base, ref, ignoreQuery) }))
	}
	return all
}

func ignoreQuery(p *rules.Parameters) {
	key := rules.CacheKey{}
	if p.CacheKey != nil {
		key = *p.CacheKey
	}
	custom := rules.CustomKey{}
	if key.CustomKey != nil {
		custom = *key.CustomKey
	}
	custom.QueryString = &rules.Names{Excludes: []string{"*"}}
	key.CustomKey, p.CacheKey = &custom, &key
}

// only is a change that is a setting by itself.
func only(setting, unless string, changed func(*rules.Rules) *rules.Rules) change {
	return change{key: setting, group: setting, unless: unless, rules: changed, setting: func([]string) string { return setting }}
}

// extensionChange is a rule for files that Cloudflare keeps for two hours without one.
func extensionChange(extension string) change {
	return change{
		key: "." + extension, group: "extensions", part: extension,
		setting: func(parts []string) string {
			return fmt.Sprintf("a rule {ref: files, extensions: [%s], edgeTtl: %d}", strings.Join(parts, ", "), fileTTL)
		},
		unless: "a release changes files without purging them",
		rules: func(base *rules.Rules) *rules.Rules {
			return before(base, caching(fmt.Sprintf("http.request.uri.path.extension eq %q", extension), fileTTL))
		},
	}
}

// pathChange is a rule for what Cloudflare does not cache without one.
func pathChange(path string, folder bool) change {
	when, written := fmt.Sprintf("http.request.uri.path eq %q", path), path
	if folder {
		when, written = fmt.Sprintf("starts_with(http.request.uri.path, %q)", path), path+"*"
	}
	ref := cleaned.ReplaceAllString(strings.ToLower(strings.Trim(path, "/")), "-")
	if ref == "" {
		ref = "home"
	}
	return only(fmt.Sprintf("a rule {ref: %s, path: %s, edgeTtl: %d}", ref, written, pageTTL), "an answer there depends on who asks or must be new",
		func(base *rules.Rules) *rules.Rules { return before(base, caching(when, pageTTL)) })
}

var (
	cleaned = regexp.MustCompile(`[^a-z0-9]+`)
	segment = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,38}$`)
)

// place is the first folder of a path, or the path itself where it has none; "" where
// no rule can name it.
func place(path string) (name string, folder bool) {
	first, rest, folder := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch {
	case path == "/":
		return path, false
	case !segment.MatchString(first) || strings.HasPrefix(rest, "/"):
		return "", false
	case folder:
		return "/" + first + "/", true
	}
	return "/" + first, false
}

// caching is a rule as the component makes it, which keeps no error.
func caching(when string, ttl int) rules.Rule {
	compiled, err := expression.Compile(when)
	if err != nil {
		panic(err) // its parts have been checked
	}
	cache, from, to := true, 400, 599
	return rules.Rule{Ref: "advised", Enabled: true, When: compiled, Set: rules.Parameters{
		Cache: &cache,
		EdgeTTL: &rules.EdgeTTL{Mode: rules.OverrideOrigin, Default: &ttl, StatusCodeTTLs: []rules.StatusTTL{
			{StatusCodeRanges: []rules.StatusRange{{From: &from, To: &to}}, Value: -1},
		}},
	}}
}
