package replay

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

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
	// setting writes it down; the parts are those of its group, such as the extensions of
	// one rule.
	setting func(parts []string) string
	unless  string
	// group joins changes that are one setting, and part is this one's share in it.
	group, part string
	// apply makes of what the rules say about a request what they would say.
	apply func(*rules.Settings)
}

// changeKey identifies a change: a kind, and the rule, extension or path that it is
// about.
type changeKey struct {
	kind, about string
	ttl         int
}

// The kinds of changes.
const (
	longerTTL   = "edgeTtl"
	queryIgnore = "query"
	byExtension = "extension"
	byFolder    = "folder"
	byPath      = "path"
)

// changes are the settings that concern a request. Nothing is advised for what a rule
// keeps out of the cache on purpose. Page rules take no rule that would not change the
// order of the others: only cache rules are advised on.
func changes(base *rules.Rules, r *replayed) []changeKey {
	switch {
	case r.settings.Eligibility == rules.Bypass || len(base.Pages) > 0:
		return nil
	case r.settings.CachedBy != "":
		return ruleChanges(r)
	case policy.Static(r.request) && r.request.Extension() != "txt":
		return []changeKey{{byExtension, r.request.Extension(), fileTTL}}
	}
	switch path, folder := place(r.request.Path); {
	case path == "":
		return nil
	case folder:
		return []changeKey{{byFolder, path, pageTTL}}
	default:
		return []changeKey{{byPath, path, pageTTL}}
	}
}

// ruleChanges let a rule keep longer, and share an object between query strings.
func ruleChanges(r *replayed) []changeKey {
	var all []changeKey
	ref, ttl, longer := r.settings.CachedBy, 0, fileTTL
	if r.settings.EdgeTTL != nil && r.settings.EdgeTTL.Default != nil {
		ttl = *r.settings.EdgeTTL.Default
	}
	if ttl >= fileTTL {
		longer = yearTTL
	}
	if longer > ttl {
		all = append(all, changeKey{longerTTL, ref, longer})
	}
	if !policy.IgnoresQuery(r.request, &r.settings) {
		all = append(all, changeKey{queryIgnore, ref, 0})
	}
	return all
}

// newChange writes a change down.
func newChange(k changeKey) change {
	const purged, same = "a release changes files without purging them", "an answer there depends on who asks or must be new"
	rule := func(s *rules.Settings) { cache(s, k.ttl) }
	switch k.kind {
	case longerTTL:
		return alone(fmt.Sprintf("edgeTtl: %d in the rule %s", k.ttl, k.about), purged, func(s *rules.Settings) { keep(s, k.ttl) })
	case queryIgnore:
		return alone("query: {mode: ignore} in the rule "+k.about, "a query string chooses what is answered", ignoreQuery)
	case byExtension:
		return change{group: byExtension, part: k.about, unless: purged, apply: rule, setting: func(parts []string) string {
			return fmt.Sprintf("a rule {ref: files, extensions: [%s], edgeTtl: %d}", strings.Join(parts, ", "), k.ttl)
		}}
	case byFolder:
		return alone(fmt.Sprintf("a rule {ref: %s, path: %s*, edgeTtl: %d}", refOf(k.about), k.about, k.ttl), same, rule)
	default:
		return alone(fmt.Sprintf("a rule {ref: %s, path: %s, edgeTtl: %d}", refOf(k.about), k.about, k.ttl), same, rule)
	}
}

// alone is a change that is a setting by itself.
func alone(setting, unless string, apply func(*rules.Settings)) change {
	return change{group: setting, unless: unless, apply: apply, setting: func([]string) string { return setting }}
}

func refOf(path string) string {
	return cmp.Or(cleaned.ReplaceAllString(strings.ToLower(strings.Trim(path, "/")), "-"), "home")
}

// keep sets an edge TTL and leaves lifetimes by status code as they are.
func keep(s *rules.Settings, ttl int) {
	kept := rules.EdgeTTL{Mode: rules.OverrideOrigin, Default: &ttl}
	if s.EdgeTTL != nil {
		kept.StatusCodeTTLs = s.EdgeTTL.StatusCodeTTLs
	}
	s.EdgeTTL = &kept
}

func ignoreQuery(s *rules.Settings) {
	key, custom := rules.CacheKey{}, rules.CustomKey{}
	if s.CacheKey != nil {
		key = *s.CacheKey
	}
	if key.CustomKey != nil {
		custom = *key.CustomKey
	}
	custom.QueryString = &rules.Names{Excludes: []string{"*"}}
	key.CustomKey, s.CacheKey = &custom, &key
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

// cache is what a rule of the component says, which keeps no error.
func cache(s *rules.Settings, ttl int) {
	from, to := 400, 599
	s.Eligibility, s.CachedBy = rules.Eligible, "advised"
	s.EdgeTTL = &rules.EdgeTTL{Mode: rules.OverrideOrigin, Default: &ttl, StatusCodeTTLs: []rules.StatusTTL{
		{StatusCodeRanges: []rules.StatusRange{{From: &from, To: &to}}, Value: -1},
	}}
}
