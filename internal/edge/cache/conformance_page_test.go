package cache_test

import (
	"io"
	"net/http"
	"time"
)

const (
	everything = `{"cacheLevel":"cache_everything"}`
	pageBypass = `{"cacheLevel":"bypass"}`
	anyPath    = "www.example.com/*"
)

// where is an origin that says which path it was asked for.
func where(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RequestURI) }

var pageRows = []row{
	{name: "only the highest priority takes effect", source: "Page Rules: Priority order matters", origin: say("a"),
		pages: []string{page(1, anyPath, `{"browserCacheTtl":"60"}`), page(2, "www.example.com/static/*", everything)},
		steps: []step{{target: "/static/a", want: "MISS", header: map[string]string{"Cache-Control": ""}}, {target: "/static/a", want: "HIT"}, {target: "/a", want: "DYNAMIC"}}},
	{name: "a disabled page rule does nothing", source: "Page Rules: Disabled page rules", origin: say("a"),
		pages: []string{`{"priority":2,"target":"www.example.com/*","status":"disabled","actions":{"cacheLevel":"bypass"}}`, page(1, anyPath, everything)},
		steps: []step{{target: "/a", want: "MISS"}, {target: "/a", want: "HIT"}}},
	{name: "a page rule's pattern ignores case, a key does not", source: "Additional reference: Page Rules are case-insensitive", origin: where,
		pages: []string{page(1, "www.example.com/Static/*", everything)},
		steps: []step{{target: "/STATIC/a", want: "MISS"}, {target: "/static/a", want: "MISS", body: "/static/a"}, {target: "/STATIC/a", want: "HIT"}}},
	{name: "a star matches inside a folder's name", source: "Wildcard matching", origin: say("a"), pages: []string{page(1, "www.example.com/t*st", everything)},
		steps: []step{{target: "/test", want: "MISS"}, {target: "/toast", want: "MISS"}, {target: "/tests", want: "DYNAMIC"}}},
	{name: "foo/* does not match foo", source: "Wildcard matching", origin: say("a"), pages: []string{page(1, "www.example.com/foo/*", everything)},
		steps: []step{{target: "/foo", want: "DYNAMIC"}, {target: "/foo/", want: "MISS"}}},
	{name: "foo* matches foo", source: "Wildcard matching", origin: say("a"), pages: []string{page(1, "www.example.com/foo*", everything)},
		steps: []step{{target: "/foo", want: "MISS"}, {target: "/foobar", want: "MISS"}}},
	{name: "a star reaches into the query string", source: "Wildcard matching: Helpful tips", origin: say("a"), pages: []string{page(1, "www.example.com/*.jpg", everything)},
		steps: []step{{target: "/users/1", want: "DYNAMIC"}, {target: "/users/1?x=.jpg", want: "MISS"}, {target: "/users/1?x=.jpg", want: "HIT"}}},
	{name: "an exact path has no query string", source: "Page Rules: URL format", origin: say("a"), pages: []string{page(1, "www.example.com/about", everything)},
		steps: []step{{target: "/about", want: "MISS"}, {target: "/about?x", want: "DYNAMIC"}}},
	{name: "another host is another pattern", source: "Wildcard matching: Helpful tips", origin: say("a"), pages: []string{page(1, "example.com/*", everything)},
		steps: []step{{target: "/a", want: "DYNAMIC"}}},
	{name: "a pattern with a scheme takes no other", source: "Page Rules: URL format", origin: say("a"),
		pages: []string{page(1, "http://www.example.com/a/*", everything), page(2, "https://www.example.com/*", everything)},
		steps: []step{{target: "/a/b", want: "MISS"}, {target: "/b", want: "DYNAMIC"}}},
	{name: "Cache Everything respects the origin", source: "Page Rules settings: Cache Level", origin: say("a", "Cache-Control: max-age=5"), pages: []string{page(1, anyPath, everything)},
		steps: []step{{target: "/a", want: "MISS"}, {target: "/a", wait: 5 * time.Second, want: "EXPIRED"}}},
	{name: "an Edge Cache TTL overrides it and strips cookies", source: "Page Rules settings: Cache Level", origin: say("a", "Cache-Control: private", "Set-Cookie: a=b"),
		pages: []string{page(1, anyPath, `{"cacheLevel":"cache_everything","edgeCacheTtl":7200}`)},
		steps: []step{{target: "/a", want: "MISS", header: map[string]string{"Set-Cookie": ""}}, {target: "/a", wait: 7199 * time.Second, want: "HIT"}, {target: "/a", wait: time.Second, want: "EXPIRED"}}},
	{name: "Bypass caches nothing", source: "Page Rules settings: Cache Level", origin: say("a"), pages: []string{page(1, anyPath, pageBypass)},
		steps: []step{{want: "DYNAMIC"}, {want: "DYNAMIC", asked: 2}}},
	{name: "No Query String caches without one", source: "Page Rules settings: Cache Level", origin: say("a"), pages: []string{page(1, anyPath, `{"cacheLevel":"basic"}`)},
		steps: []step{{want: "MISS"}, {target: "/a.css?x", want: "DYNAMIC"}}},
	{name: "Ignore Query String has one object", source: "Page Rules settings: Cache Level", origin: say("a"), pages: []string{page(1, anyPath, `{"cacheLevel":"simplified"}`)},
		steps: []step{{target: "/a.css?x", want: "MISS"}, {target: "/a.css?y", want: "HIT"}, {target: "/page", want: "DYNAMIC"}}},
	{name: "Standard overrides the zone's level", source: "Page Rules settings: Cache Level", origin: say("a"), settings: `{"cacheLevel":"simplified"}`, pages: []string{page(1, anyPath, `{"cacheLevel":"aggressive"}`)},
		steps: []step{{target: "/a.css?x", want: "MISS"}, {target: "/a.css?y", want: "MISS"}}},
	{name: "Browser Cache TTL sets what browsers get", source: "Page Rules settings: Browser Cache TTL", origin: say("a"), settings: `{"browserCacheTtl":86400}`, pages: []string{page(1, anyPath, `{"browserCacheTtl":"60"}`)},
		steps: []step{{want: "MISS", header: map[string]string{"Cache-Control": "max-age=60"}}}},
	{name: "Browser Cache TTL of 0 respects the origin", source: "Page Rules settings: Browser Cache TTL", origin: say("a"), settings: `{"browserCacheTtl":86400}`, pages: []string{page(1, anyPath, `{"browserCacheTtl":"0"}`)},
		steps: []step{{want: "MISS", header: map[string]string{"Cache-Control": ""}}}},
	{name: "a page rule's lifetime by status", source: "Page Rules settings: Cache TTL by Status Code", origin: sayStatus(404, "a"),
		pages: []string{page(1, anyPath, `{"cacheLevel":"cache_everything","edgeCacheTtl":60,"cacheTtlByStatuses":[{"codes":"400-499","ttl":-1},{"codes":"200","ttl":5}]}`)},
		steps: []step{{want: "BYPASS"}, {want: "BYPASS", asked: 2}, {target: "/b", origin: say("b"), want: "MISS"}, {target: "/b", wait: 5 * time.Second, want: "EXPIRED"}}},
	{name: "a page rule's cache key", source: "Page Rules settings: Custom Cache Key", origin: say("a"),
		pages: []string{page(1, anyPath, `{"cacheKeyFields":{"queryString":{"ignore":true},"host":{},"user":{}}}`)},
		steps: []step{{target: "/a.css?x", want: "MISS"}, {target: "/a.css?y", want: "HIT"}}},
	{name: "a page rule's armor", source: "Page Rules settings: Cache Deception Armor", origin: say("page", "Content-Type: text/html"),
		pages: []string{page(1, anyPath, `{"cacheLevel":"cache_everything","cacheDeceptionArmor":"on"}`)},
		steps: []step{{target: "/account/x.css", want: "BYPASS"}, {target: "/account/x.css", want: "BYPASS", asked: 2}}},
	{name: "cache rules override page rules", source: "Order and priority, 3", origin: say("a"),
		pages: []string{page(1, anyPath, `{"cacheLevel":"bypass","edgeCacheTtl":60,"browserCacheTtl":"30"}`)},
		rules: []string{rule("r", `starts_with(http.request.uri.path, "/static/")`, month)},
		steps: []step{{target: "/static/a", want: "MISS", header: map[string]string{"Cache-Control": "max-age=30"}}, {target: "/static/a", wait: time.Hour, want: "HIT"}, {target: "/a.css", want: "DYNAMIC"}}},
}

var normalizationRows = []row{
	{name: "by default the origin gets the URL as it was sent", source: "URL normalization settings: Normalize URLs to origin", origin: where,
		steps: []step{{target: "/x/../%61.css", want: "MISS", body: "/x/../%61.css"}, {target: "/a.css", want: "HIT"}}},
	{name: "the origin can get the URL that rules see", source: "URL normalization settings: Normalize URLs to origin", origin: where,
		normalization: `{"type":"rfc3986","scope":"both"}`,
		steps:         []step{{target: "/x/../%61.css?%62=%63", want: "MISS", body: "/a.css?%62=%63"}, {target: "/x/../page", want: "DYNAMIC", body: "/page"}, {target: "//a//b.css", want: "MISS", body: "http://www.example.com//a//b.css"}}},
	{name: "type Cloudflare merges separators", source: "How URL normalization works: Cloudflare normalization", origin: where,
		normalization: `{"type":"cloudflare","scope":"both"}`,
		steps:         []step{{target: `/x\..//a.css`, want: "MISS", body: "/a.css"}, {target: "//a.css", want: "HIT"}}},
}
