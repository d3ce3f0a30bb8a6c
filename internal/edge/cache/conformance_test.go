package cache_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The rules that most rows use.
const (
	all      = `true`
	eligible = `{"cache":true}`
	month    = `{"cache":true,"edgeTtl":{"mode":"override_origin","default":2592000}}`
	respect  = `{"cache":true,"edgeTtl":{"mode":"respect_origin"}}`
	orBypass = `{"cache":true,"edgeTtl":{"mode":"bypass_by_default"}}`
	never    = `{"cache":false}`
)

// step is one request and what must come of it.
type step struct {
	method, target string
	send           []string
	// wait goes before the request; origin answers from then on.
	wait   time.Duration
	origin http.HandlerFunc
	want   string
	status int
	body   string
	header map[string]string
	// asked is how often the origin was asked in all; 0 is not checked.
	asked int
}

// row is a behaviour that a page of Cloudflare's documentation or an RFC
// describes.
type row struct {
	name, source string
	settings     string
	rules, pages []string
	// normalization is a zone's own, or "" for Cloudflare's default.
	normalization string
	origin        http.HandlerFunc
	steps         []step
}

func (r row) run(t *testing.T) {
	b := newBench(t, zoneFiles{r.settings, r.normalization, r.rules, r.pages}.write(t), r.origin)
	for i, s := range r.steps {
		b.wait(s.wait)
		if s.origin != nil {
			b.answerWith(s.origin)
		}
		method := s.method
		if method == "" {
			method = "GET"
		}
		target := s.target
		if target == "" {
			target = "/a.css"
		}
		got := b.send(method, target, "", s.send...)
		require.Equal(t, s.want, got.cache, "step %d: %v", i, got)
		if s.status != 0 {
			require.Equal(t, s.status, got.status, "step %d", i)
		}
		if s.body != "" {
			require.Equal(t, s.body, got.body, "step %d", i)
		}
		for name, value := range s.header {
			require.Equal(t, value, got.header.Get(name), "step %d: %s", i, name)
		}
		if s.asked != 0 {
			require.EqualValues(t, s.asked, b.asked.Load(), "step %d: requests at the origin", i)
		}
		require.Equal(t, "scalestack-edge", got.header.Get("Server"))
	}
}

func TestConformance(t *testing.T) {
	for _, table := range [][]row{eligibilityRows, lifetimeRows, cookieRows, freshnessRows, keyRows, browserRows, requestRows, pageRows, normalizationRows} {
		for _, r := range table {
			t.Run(r.name, func(t *testing.T) {
				require.NotEmpty(t, r.source)
				t.Parallel()
				r.run(t)
			})
		}
	}
}

var eligibilityRows = []row{
	{name: "a default extension is cached", source: "Default cache behavior", origin: say("a"),
		steps: []step{{want: "MISS"}, {want: "HIT", asked: 1, header: map[string]string{"Age": "0"}}}},
	{name: "HTML and JSON are not cached by default", source: "Default cache behavior", origin: say("a"),
		steps: []step{{target: "/a.html", want: "DYNAMIC"}, {target: "/a.json", want: "DYNAMIC"}, {target: "/", want: "DYNAMIC", asked: 3}}},
	{name: "robots.txt is cached by default", source: "Default cache behavior", origin: say("a"),
		steps: []step{{target: "/robots.txt", want: "MISS"}, {target: "/robots.txt", want: "HIT"}}},
	{name: "the extension decides and not the type", source: "Default cache behavior", origin: say("a", "Content-Type: text/html"),
		steps: []step{{target: "/page.css", want: "MISS"}, {target: "/page.css", want: "HIT"}}},
	{name: "eligible caches any extension", source: "Available settings: Cache eligibility", origin: say("a"), rules: []string{rule("r", all, eligible)},
		steps: []step{{target: "/page", want: "MISS"}, {target: "/page", want: "HIT"}}},
	{name: "bypass answers DYNAMIC", source: "Available settings: Bypass cache", origin: say("a"), rules: []string{rule("r", all, never)},
		steps: []step{{want: "DYNAMIC"}, {want: "DYNAMIC", asked: 2, header: map[string]string{"X-Edge-Reason": "rule r bypasses the cache"}}}},
	{name: "the last matching rule wins", source: "Order and priority, 2", origin: say("a"),
		rules: []string{rule("cache", `starts_with(http.request.uri.path, "/images")`, eligible), rule("bypass", `http.host eq "www.example.com"`, never)},
		steps: []step{{target: "/images/a.png", want: "DYNAMIC"}}},
	{name: "an earlier bypass loses", source: "Order and priority, 2", origin: say("a"),
		rules: []string{rule("bypass", all, never), rule("cache", `starts_with(http.request.uri.path, "/images")`, eligible)},
		steps: []step{{target: "/images/a", want: "MISS"}, {target: "/other.css", want: "DYNAMIC"}}},
	{name: "settings of several rules combine", source: "Order and priority, 1", origin: say("a", "Cache-Control: max-age=10"),
		rules: []string{rule("a", all, month), rule("b", all, `{"browserTtl":{"mode":"override_origin","default":60}}`)},
		steps: []step{{want: "MISS"}, {wait: time.Hour, want: "HIT", header: map[string]string{"Cache-Control": "max-age=60"}}}},
	{name: "a disabled rule does nothing", source: "Available settings", origin: say("a"),
		rules: []string{`{"ref":"x","enabled":false,"action":"set_cache_settings","expression":"true","actionParameters":{"cache":false}}`},
		steps: []step{{want: "MISS"}, {want: "HIT"}}},
	{name: "only GET is cached", source: "Default cache behavior", origin: say("a"), rules: []string{rule("r", all, month)},
		steps: []step{{method: "POST", want: "DYNAMIC"}, {method: "PUT", want: "DYNAMIC"}, {method: "OPTIONS", want: "DYNAMIC", asked: 3}}},
	{name: "HEAD becomes GET and fills the cache", source: "Head requests and Set-Cookie headers", origin: say("a"),
		steps: []step{{method: "HEAD", want: "MISS"}, {want: "HIT", body: "a", asked: 1}, {method: "HEAD", want: "HIT", asked: 1}}},
	{name: "development mode bypasses", source: "Development mode", origin: say("a"), settings: `{"developmentMode":"on"}`,
		steps: []step{{want: "DYNAMIC"}}},
	{name: "level No Query String", source: "Caching levels", origin: say("a"), settings: `{"cacheLevel":"basic"}`,
		steps: []step{{want: "MISS"}, {target: "/a.css?x", want: "DYNAMIC"}}},
	{name: "level Ignore Query String", source: "Caching levels", origin: say("a"), settings: `{"cacheLevel":"simplified"}`,
		steps: []step{{target: "/a.css?this", want: "MISS"}, {target: "/a.css?that", want: "HIT"}}},
	{name: "level Standard", source: "Caching levels", origin: say("a"), settings: `{"cacheLevel":"aggressive"}`,
		steps: []step{{target: "/a.css?this", want: "MISS"}, {target: "/a.css?that", want: "MISS"}}},
}

var lifetimeRows = []row{
	{name: "200 without headers lives 120 minutes", source: "Cache by status code: Edge TTL", origin: say("a"),
		steps: []step{{want: "MISS"}, {wait: 119 * time.Minute, want: "HIT"}, {wait: time.Minute, want: "EXPIRED"}}},
	{name: "302 without headers lives 20 minutes", source: "Cache by status code: Edge TTL", origin: sayStatus(302, "a", "Location: /b"),
		steps: []step{{want: "MISS"}, {wait: 19 * time.Minute, want: "HIT", status: 302, header: map[string]string{"Location": "/b"}}, {wait: time.Minute, want: "EXPIRED"}}},
	{name: "404 without headers lives 3 minutes", source: "Cache by status code: Edge TTL", origin: sayStatus(404, "a"),
		steps: []step{{want: "MISS"}, {wait: 179 * time.Second, want: "HIT", status: 404}, {wait: time.Second, want: "EXPIRED"}}},
	{name: "500 is not cached", source: "Cache by status code: Edge TTL", origin: sayStatus(500, "a"), rules: []string{rule("r", all, month)},
		steps: []step{{want: "MISS", status: 500}, {want: "MISS", asked: 2}}},
	{name: "max-age counts", source: "Default cache behavior", origin: say("a", "Cache-Control: public, max-age=10"),
		steps: []step{{want: "MISS"}, {wait: 9 * time.Second, want: "HIT", header: map[string]string{"Age": "9"}}, {wait: time.Second, want: "EXPIRED"}}},
	{name: "names of directives ignore case", source: "RFC 9111, 5.2", origin: say("a", "Cache-Control: Max-Age=10"),
		steps: []step{{want: "MISS"}, {wait: 10 * time.Second, want: "EXPIRED"}}},
	{name: "s-maxage overrides max-age", source: "Origin Cache Control: Expiration", origin: say("a", "Cache-Control: max-age=10, s-maxage=100"),
		steps: []step{{want: "MISS"}, {wait: 99 * time.Second, want: "HIT"}, {wait: time.Second, want: "EXPIRED"}}},
	{name: "max-age beats Expires", source: "Default cache behavior", origin: say("a", "Cache-Control: max-age=10", "Expires: Thu, 01 Jan 1970 00:00:00 GMT"),
		steps: []step{{want: "MISS"}, {want: "HIT"}}},
	{name: "a future Expires counts", source: "Default cache behavior",
		origin: say("a", "Date: Fri, 02 Jan 2026 03:04:05 GMT", "Expires: Fri, 02 Jan 2026 03:04:35 GMT"),
		steps:  []step{{want: "MISS"}, {wait: 29 * time.Second, want: "HIT"}, {wait: time.Second, want: "EXPIRED"}}},
	{name: "the origin's Age shortens", source: "RFC 9111, 4.2.3", origin: say("a", "Cache-Control: max-age=10", "Age: 8"),
		steps: []step{{want: "MISS"}, {wait: time.Second, want: "HIT"}, {wait: time.Second, want: "EXPIRED"}}},
	{name: "no-store is not cached", source: "Origin Cache Control: Directives", origin: say("a", "Cache-Control: no-store"),
		steps: []step{{want: "BYPASS"}, {want: "BYPASS", asked: 2}}},
	{name: "private is not cached", source: "Cloudflare cache responses: BYPASS", origin: say("a", "Cache-Control: private, max-age=60"),
		steps: []step{{want: "BYPASS"}, {want: "BYPASS", asked: 2}}},
	{name: "private with names keeps the rest", source: "Origin Cache Control: Directives", origin: say("a", `Cache-Control: max-age=60, private="X-Who"`, "X-Who: me"),
		steps: []step{{want: "MISS"}, {want: "HIT", header: map[string]string{"X-Who": ""}}}},
	{name: "no-cache is kept and asked each time", source: "Origin Cache Control: Directives", origin: say("a", "Cache-Control: no-cache", `Etag: "1"`),
		steps: []step{{want: "MISS"}, {want: "REVALIDATED", body: "a", asked: 2}, {want: "REVALIDATED", asked: 3}}},
	{name: "max-age=0 is kept and asked each time", source: "Origin Cache Control: Directives", origin: say("a", "Cache-Control: max-age=0", `Etag: "1"`),
		steps: []step{{want: "MISS"}, {want: "REVALIDATED"}}},
	{name: "no-cache without a validator is not cached", source: "Cloudflare cache responses: BYPASS", origin: say("a", "Cache-Control: no-cache"),
		steps: []step{{want: "BYPASS"}, {want: "BYPASS"}}},
	{name: "no-cache with Origin Cache Control off is not cached", source: "Origin Cache Control: Directives", origin: say("a", "Cache-Control: no-cache", `Etag: "1"`),
		rules: []string{rule("r", all, `{"cache":true,"originCacheControl":false}`)}, steps: []step{{want: "BYPASS"}, {want: "BYPASS"}}},
	{name: "an unreadable Cache-Control is not cached", source: "RFC 9111, 4.2.1", origin: say("a", "Cache-Control: max-age=soon"),
		steps: []step{{want: "BYPASS"}}},
	{name: "override_origin ignores no-store", source: "Available settings: Edge TTL", origin: say("a", "Cache-Control: no-store"), rules: []string{rule("r", all, month)},
		steps: []step{{want: "MISS"}, {wait: 29 * 24 * time.Hour, want: "HIT"}, {wait: 24 * time.Hour, want: "EXPIRED"}}},
	{name: "respect_origin follows the header", source: "Available settings: Edge TTL", origin: say("a", "Cache-Control: max-age=5"), rules: []string{rule("r", all, respect)},
		steps: []step{{want: "MISS"}, {wait: 5 * time.Second, want: "EXPIRED"}}},
	{name: "respect_origin has the defaults without one", source: "Available settings: Edge TTL", origin: say("a"), rules: []string{rule("r", all, respect)},
		steps: []step{{want: "MISS"}, {wait: 119 * time.Minute, want: "HIT"}}},
	{name: "bypass_by_default bypasses without a header", source: "Available settings: Edge TTL", origin: say("a"), rules: []string{rule("r", all, orBypass)},
		steps: []step{{want: "BYPASS"}, {want: "BYPASS"}}},
	{name: "bypass_by_default follows a header", source: "Available settings: Edge TTL", origin: say("a", "Cache-Control: max-age=5"), rules: []string{rule("r", all, orBypass)},
		steps: []step{{want: "MISS"}, {want: "HIT"}}},
	{name: "a lifetime by status wins over the mode", source: "Cache by status code", origin: sayStatus(503, "a", "Cache-Control: no-store"),
		rules: []string{rule("r", all, `{"cache":true,"edgeTtl":{"mode":"respect_origin","statusCodeTtls":[{"statusCodeRanges":[{"from":500}],"value":10}]}}`)},
		steps: []step{{want: "MISS"}, {want: "HIT", status: 503}, {wait: 10 * time.Second, want: "EXPIRED"}}},
	{name: "a lifetime by status of -1 keeps nothing", source: "Cache by status code: Syntax", origin: sayStatus(404, "a"),
		rules: []string{rule("r", all, `{"cache":true,"edgeTtl":{"mode":"override_origin","default":60,"statusCodeTtls":[{"statusCode":404,"value":-1}]}}`)},
		steps: []step{{want: "BYPASS"}, {want: "BYPASS"}}},
	{name: "a lifetime by status of 0 asks each time", source: "Cache by status code: Syntax", origin: say("a", `Etag: "1"`),
		rules: []string{rule("r", all, `{"cache":true,"edgeTtl":{"mode":"respect_origin","statusCodeTtls":[{"statusCodeRanges":[{"to":299}],"value":0}]}}`)},
		steps: []step{{want: "MISS"}, {want: "REVALIDATED"}}},
	{name: "CDN-Cache-Control is for the edge", source: "CDN-Cache-Control", origin: say("a", "Cache-Control: no-store", "CDN-Cache-Control: max-age=10"),
		steps: []step{{want: "MISS"}, {want: "HIT", header: map[string]string{"Cache-Control": "no-store", "Cdn-Cache-Control": "max-age=10"}}}},
	{name: "Cloudflare-CDN-Cache-Control wins and stays here", source: "CDN-Cache-Control", origin: say("a", "Cloudflare-CDN-Cache-Control: no-store", "CDN-Cache-Control: max-age=10"),
		steps: []step{{want: "BYPASS", header: map[string]string{"Cloudflare-Cdn-Cache-Control": ""}}, {want: "BYPASS"}}},
}
