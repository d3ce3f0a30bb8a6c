package summary

import (
	"cmp"
	"fmt"
	"strings"
)

// rules lists only what changes: their number can be large.
func rules(before, after []Rule) []string {
	number := func(rules []Rule) string {
		if len(rules) == 0 {
			return ""
		}
		return fmt.Sprint(len(rules))
	}
	was, will := byRef(before), byRef(after)
	lines := []string{change(number(before), number(after))}
	for _, r := range after {
		former, existed := was[r.Ref]
		switch {
		case !existed:
			lines = append(lines, fmt.Sprintf("+ %s: %s", r.Ref, r))
		case former != r:
			lines = append(lines, fmt.Sprintf("~ %s: %s", r.Ref, r.since(former)))
		}
	}
	for _, r := range before {
		if _, stays := will[r.Ref]; !stays {
			lines = append(lines, fmt.Sprintf("- %s: %s", r.Ref, r))
		}
	}
	if order(before, will) != order(after, was) {
		lines = append(lines, "  their order changes: the last match wins")
	}
	return lines
}

func byRef(rules []Rule) map[string]Rule {
	all := map[string]Rule{}
	for _, r := range rules {
		all[r.Ref] = r
	}
	return all
}

// order names the rules that others knows too.
func order(rules []Rule, others map[string]Rule) string {
	var refs []string
	for _, r := range rules {
		if _, both := others[r.Ref]; both {
			refs = append(refs, r.Ref)
		}
	}
	return strings.Join(refs, " ")
}

// String renders what the rule does.
func (r Rule) String() string {
	return fmt.Sprintf("%s, if %s", r.effect(), short(r.Expression))
}

// short keeps a line readable; Pulumi's diff has the whole.
func short(expression string) string {
	const most = 80
	if letters := []rune(expression); len(letters) > most {
		return string(letters[:most]) + " …"
	}
	return expression
}

func (r Rule) effect() string {
	text := "never cached"
	if r.Cache {
		text = fmt.Sprintf("edge %s, browser %s", duration(r.EdgeTTL), duration(r.BrowserTTL))
	}
	if r.Disabled {
		text += ", disabled"
	}
	return text
}

// since renders what differs from the former rule.
func (r Rule) since(former Rule) string {
	var parts []string
	if r.effect() != former.effect() {
		parts = append(parts, change(former.effect(), r.effect()))
	}
	if r.Expression != former.Expression {
		parts = append(parts, "what it matches changes, see the diff")
	}
	return strings.Join(parts, "; ")
}

// duration renders seconds in the largest unit that divides them.
func duration(seconds int) string {
	for _, unit := range []struct {
		seconds int
		name    string
	}{{86400, "d"}, {3600, "h"}, {60, "min"}} {
		if seconds >= unit.seconds && seconds%unit.seconds == 0 {
			return fmt.Sprintf("%d %s", seconds/unit.seconds, unit.name)
		}
	}
	return cmp.Or(map[int]string{0: "as the origin says"}[seconds], fmt.Sprintf("%d s", seconds))
}
