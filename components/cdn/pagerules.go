package cdn

import "strings"

// pageRule is one page rule. Of those that match a URL the one with the highest
// priority takes effect, alone.
type pageRule struct {
	// ref names the rule in the stack's outputs. A page rule has none of its own.
	ref, target string
	// from is the rule that it was made of; nil bypasses the cache.
	from *Rule
	// plan of the zone.
	plan Plan
}

// pageRules lists the zone's page rules from the lowest priority up. A page rule sees
// neither headers nor the path as the visitor wrote it. So everything is bypassed
// except what a rule names, and so is every URL in which an origin may read other
// separators than Cloudflare does.
func pageRules(a *Args) []pageRule {
	rules := []pageRule{{ref: bypassRef + "everything-else", target: a.Hostname + "/*"}}
	for i, r := range a.Rules {
		rules = append(rules, pageRule{ref: r.Ref, target: a.Hostname + r.Path, from: &a.Rules[i], plan: a.Plan})
	}
	for _, prefix := range a.BypassPrefixes {
		if a.reaches(prefix) {
			rules = append(rules, pageRule{ref: bypassRef + prefix, target: a.Hostname + prefix + "*"})
		}
	}
	return append(rules,
		pageRule{ref: bypassRef + "parameters", target: a.Hostname + "/*;*"},
		pageRule{ref: bypassRef + "encoded", target: a.Hostname + "/*%*"})
}

// reaches reports whether a rule's folder has the prefix in it.
func (a *Args) reaches(prefix string) bool {
	for _, r := range a.Rules {
		folder, isFolder := strings.CutSuffix(strings.ToLower(r.Path), "*")
		if isFolder && strings.HasPrefix(prefix, folder) {
			return true
		}
	}
	return false
}

// name is the rule's part of the resource's name: its path, so that a rule with another
// ref stays the same page rule. A zone accepts one rule per URL, and the new one would
// be created before the old one is deleted.
func (r pageRule) name() string {
	if r.from == nil {
		return r.ref
	}
	return r.from.Path
}

func (r pageRule) disabled() bool { return r.from != nil && r.from.Disabled }

func pageSummary(a *Args) []any {
	var rules []any
	for _, r := range pageRules(a) {
		line := map[string]any{"ref": r.ref, "expression": r.target, "cache": r.from != nil && !r.disabled()}
		if r.from != nil {
			line["edgeTtl"], line["browserTtl"] = r.from.EdgeTTL, r.from.BrowserTTL
		}
		rules = append(rules, line)
	}
	return rules
}
