package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scalestack/scalestack/internal/edge/expression"
	"github.com/scalestack/scalestack/policies/rule"
)

const (
	rulesetKind = "Ruleset"
	cachePhase  = "http_request_cache_settings"
)

// privatePaths are path prefixes whose answers depend on who asks or when.
func privatePaths() []string {
	return []string{
		"/api", "/users", "/healthz", "/readyz", "/metrics", "/auth", "/login", "/logout", "/account", "/admin",
	}
}

// cachePrivate keeps one user's answer from another user's screen.
//
// Every rule that matches applies and the last one wins, so that each probe
// goes through all rules in their order. What a rule's expression makes of a
// probe may be open; a rule that may cache counts as caching, and one that may
// bypass does not count.
var cachePrivate = rule.Rule{
	Name: "cache-private",
	Description: "No cache rule can store an answer to an authenticated request or path: the edge would show one user's " +
		"data to the next.",
	Each: func(c *rule.Check, r rule.Resource) {
		if !r.Cloudflare(rulesetKind) || r.At("phase").Text() != cachePhase || !allKnown(r) {
			return
		}
		for _, probe := range probes() {
			if by, cached := lastWord(r, probe); cached {
				c.Report(r, by.Path()+" "+refOf(by), "able to cache "+probe.String(),
					"only paths whose answers are the same for everyone",
					"narrow the rule's expression, or put a rule with cache = false behind it that matches the path and the "+
						"Authorization header")
				return
			}
		}
	},
}

// allKnown is false while the deployment decides what a rule does: the order of
// rules matters, so that one such rule may change what all of them do.
func allKnown(r rule.Resource) bool {
	for _, one := range r.At("rules").Items() {
		if !one.At("expression").Known() || !one.At("enabled").Known() || !one.Block("actionParameters", "cache").Known() {
			return false
		}
	}
	return r.At("rules").Known()
}

func refOf(n rule.Node) string { return "(" + n.At("ref").Text() + ")" }

func probes() []request {
	var all []request
	for _, prefix := range privatePaths() {
		all = append(all, request{path: prefix}, request{path: prefix + "/7"}, request{path: prefix + "/7.css"})
	}
	return append(all, request{path: "/static/logo.css", authorized: true}, request{path: "/", authorized: true})
}

// request is a request of which the path is known, and whether it carries an
// Authorization header.
type request struct {
	path       string
	authorized bool
}

// authorization lists the ways to ask for the header's presence. What is in the
// header stays open.
var authorization = []string{
	`any(http.request.headers["authorization"][*] ne "")`,
	`http.request.headers["authorization"][0] ne ""`,
	`len(http.request.headers["authorization"]) gt 0`,
	`any(http.request.headers.names[*] eq "authorization")`,
}

func (r request) known() expression.Known {
	known := expression.Known{Path: r.path, Conditions: map[string]bool{}}
	for _, condition := range authorization {
		known.Conditions[condition] = r.authorized
	}
	return known
}

func (r request) String() string {
	if r.authorized {
		return fmt.Sprintf("%s with an Authorization header", r.path)
	}
	return r.path
}

// isFile holds for a path that Cloudflare caches by its extension, without any rule.
func (r request) isFile() bool { return strings.HasSuffix(r.path, ".css") }

// overrides reports whether the rule keeps what the origin calls private or no-store.
func overrides(one rule.Node) bool {
	ttl := one.Block("actionParameters", "edgeTtl")
	return ttl.At("mode").Text() == "override_origin" || len(ttl.At("statusCodeTtls").Items()) > 0
}

// lastWord returns the rule that decides, and whether it caches. A rule whose values
// cannot be read counts where it would cache, and not where it would bypass. One that says
// nothing about caching has a lifetime for what is cached by its extension.
func lastWord(r rule.Resource, probe request) (by rule.Node, cached bool) {
	decided := false
	for _, one := range r.At("rules").Items() {
		caches, says := one.Block("actionParameters", "cache").Truth()
		enabled, stated := one.At("enabled").Truth()
		silent := !says && one.Block("actionParameters", "cache").Absent()
		if silent && (decided || !overrides(one) || !probe.isFile()) || stated && !enabled {
			continue
		}
		matches := expression.Decide(one.At("expression").Text(), probe.known())
		decided = decided || matches == expression.Yes && !silent
		switch {
		case says && !caches && (stated || one.At("enabled").Absent()) && matches == expression.Yes:
			by, cached = one, false
		case (caches || !says) && matches != expression.No:
			by, cached = one, true
		}
	}
	return by, cached
}

// oneRuleset keeps two resources from undoing each other.
var oneRuleset = rule.Rule{
	Name: "one-ruleset-per-phase",
	Description: "A zone has one entry-point ruleset per phase: two resources for it overwrite each other at every " +
		"deployment, and the one that goes takes the other's rules with it.",
	All: func(c *rule.Check, g rule.Graph) {
		first := map[string]rule.Resource{}
		for _, r := range g {
			zone, phase := r.At("zoneId"), r.At("phase")
			if !r.Cloudflare(rulesetKind) || !zone.IsText() || !phase.IsText() || r.At("kind").Text() != "zone" {
				continue
			}
			key := zone.Text() + " " + phase.Text()
			if other, taken := first[key]; taken {
				c.Report(r, "phase "+phase.Text()+" of zone "+zone.Text(), "that of "+other.String()+" too", "one ruleset for both",
					"move the rules into one ruleset")
				continue
			}
			first[key] = r
		}
	},
}

var ttlModes = []string{"override_origin", "respect_origin", "bypass_by_default"}

// stableRules keeps the diff of a ruleset readable.
var stableRules = rule.Rule{
	Name: "ruleset-rules-stable",
	Description: "Each rule of a ruleset states ref, description and enabled, and a mode that Cloudflare knows: what is " +
		"left out gets another identity at every update, and a wrong mode is refused only by the API.",
	Each: func(c *rule.Check, r rule.Resource) {
		if !r.Cloudflare(rulesetKind) {
			return
		}
		for _, one := range r.At("rules").Items() {
			for _, field := range []string{"ref", "description", "enabled"} {
				if n := one.At(field); n.Absent() {
					c.Refuse(r, n, "a value", "state it")
				}
			}
			if n := one.Block("actionParameters", "edgeTtl", "mode"); n.IsText() && !slices.Contains(ttlModes, n.Text()) {
				c.Refuse(r, n, "override_origin, respect_origin or bypass_by_default", "use one of these")
			}
		}
	},
}
