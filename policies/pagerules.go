package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/scalestack/scalestack/internal/edge/expression"
	"github.com/scalestack/scalestack/policies/rule"
)

const pageRuleKind = "PageRule"

// pageRulesPrivate is CachePrivate for page rules, of which the one with the
// highest priority takes effect. They cannot see an Authorization header.
var pageRulesPrivate = rule.Rule{
	Name: "page-rules-private",
	Description: "No page rule can store the answer to an authenticated path, however it is spelled: the edge would show one " +
		"user's data to the next.",
	All: func(c *rule.Check, g rule.Graph) {
		for _, pages := range pagesByZone(g) {
			for _, url := range pageProbes(pages) {
				if p, cached := takesEffect(pages, url); cached {
					c.Report(p.resource, "target", p.target+", which caches "+url, "only paths whose answers are the same for everyone",
						"put a page rule with cacheLevel bypass and a higher priority over that URL, or name the folder more narrowly")
					break
				}
			}
		}
	},
}

// page is a page rule of which all that matters is known.
type page struct {
	resource rule.Resource
	target   string
	priority int
	caches   bool
	pattern  expression.Wildcard
	// unreadable patterns may match anything.
	unreadable bool
}

// matches counts an unreadable pattern where it would cache.
func (p page) matches(url string) bool {
	if p.unreadable {
		return p.caches
	}
	return p.pattern.Matches(url)
}

// pagesByZone leaves out zones of which the deployment decides something: one
// rule may change what all of them do.
func pagesByZone(g rule.Graph) [][]page {
	zones, unknown := map[string][]page{}, map[string]bool{}
	var order []string
	for _, r := range g {
		if !r.Cloudflare(pageRuleKind) {
			continue
		}
		zone := r.At("zoneId").Text()
		if !r.At("target").IsText() || !r.At("priority").Known() || !r.At("status").Known() || !cacheLevel(r).Known() {
			unknown[zone] = true
		}
		if !slices.Contains(order, zone) {
			order = append(order, zone)
		}
		if r.At("status").Text() != "disabled" {
			zones[zone] = append(zones[zone], newPage(r))
		}
	}
	var known [][]page
	for _, zone := range order {
		if pages := zones[zone]; !unknown[zone] {
			slices.SortStableFunc(pages, func(a, b page) int { return cmp.Compare(b.priority, a.priority) })
			known = append(known, pages)
		}
	}
	return known
}

func newPage(r rule.Resource) page {
	p := page{resource: r, target: r.At("target").Text(), priority: 1, caches: cacheLevel(r).Text() == "cache_everything"}
	if n, set := r.At("priority").Integer(); set {
		p.priority = n
	}
	pattern, err := expression.ParseWildcard(withoutScheme(p.target), false)
	p.pattern, p.unreadable = pattern, err != nil
	return p
}

func cacheLevel(r rule.Resource) rule.Node { return r.At().Block("actions", "cacheLevel") }

func withoutScheme(target string) string {
	return strings.TrimPrefix(strings.TrimPrefix(target, "http://"), "https://")
}

// pageProbes are URLs of each host that the rules name: a pattern's * reaches
// into query strings and over slashes.
func pageProbes(pages []page) []string {
	var hosts, urls []string
	for _, p := range pages {
		host, _, _ := strings.Cut(withoutScheme(p.target), "/")
		host = cmp.Or(strings.TrimPrefix(strings.ReplaceAll(host, "*", ""), "."), "example.com")
		if !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	for _, host := range hosts {
		for _, prefix := range privatePaths() {
			for _, form := range []string{"/7", "/7.css", "", "/7?x=.css", "/7?/static/a.css", "/7/static/a.css"} {
				urls = append(urls, host+prefix+form)
			}
			urls = append(urls, host+"/static/..%2F.."+prefix, host+"/static/..;"+prefix)
		}
	}
	return urls
}

func takesEffect(pages []page, url string) (by page, cached bool) {
	for _, p := range pages {
		if p.matches(url) {
			return p, p.caches
		}
	}
	return page{}, false
}
