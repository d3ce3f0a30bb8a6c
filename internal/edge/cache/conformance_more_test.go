package cache_test

import (
	"net/http"
	"strings"
	"time"
)

var cookieRows = []row{
	{name: "a cookie by default is kept and not cached", source: "Head requests and Set-Cookie headers", origin: say("a", "Set-Cookie: id=1"),
		steps: []step{{want: "BYPASS", header: map[string]string{"Set-Cookie": "id=1"}}, {want: "BYPASS", asked: 2}}},
	{name: "a cookie on an eligible path is a MISS each time", source: "Head requests and Set-Cookie headers", origin: say("a", "Set-Cookie: id=1"), rules: []string{rule("r", all, eligible)},
		steps: []step{{want: "MISS", header: map[string]string{"Set-Cookie": "id=1"}}, {want: "MISS", asked: 2}}},
	{name: "an explicit edge TTL strips the cookie and caches", source: "Head requests and Set-Cookie headers", origin: say("a", "Set-Cookie: id=1"), rules: []string{rule("r", all, month)},
		steps: []step{{want: "MISS", header: map[string]string{"Set-Cookie": ""}}, {want: "HIT", header: map[string]string{"Set-Cookie": ""}}}},
	{name: "a cookie with Origin Cache Control off is stripped", source: "Origin Cache Control: Conditions", origin: say("a", "Set-Cookie: id=1"),
		rules: []string{rule("r", all, `{"originCacheControl":false}`)}, steps: []step{{want: "MISS", header: map[string]string{"Set-Cookie": ""}}, {want: "HIT"}}},
	{name: "Set-Cookie stays on what is not cacheable", source: "Head requests and Set-Cookie headers", origin: say("a", "Set-Cookie: id=1"),
		steps: []step{{target: "/page", want: "DYNAMIC", header: map[string]string{"Set-Cookie": "id=1"}}}},
	{name: "Authorization is not cached", source: "Origin Cache Control: Conditions", origin: say("a", "Cache-Control: max-age=60"),
		steps: []step{{send: []string{"Authorization: Bearer x"}, want: "BYPASS"}, {want: "MISS"}}},
	{name: "Authorization is cached when the origin says public", source: "Origin Cache Control: Conditions", origin: say("a", "Cache-Control: public, max-age=60"),
		steps: []step{{send: []string{"Authorization: Bearer x"}, want: "MISS"}, {want: "HIT"}}},
	{name: "Vary is not considered", source: "Origin Cache Control: Other (vary)", origin: say("a", "Vary: Accept-Language"),
		steps: []step{{send: []string{"Accept-Language: de"}, want: "MISS"}, {send: []string{"Accept-Language: fr"}, want: "HIT"}}},
	{name: "Vary: * is never cached", source: "Vary", origin: say("a", "Vary: *"), rules: []string{rule("r", all, month)},
		steps: []step{{want: "BYPASS"}, {want: "BYPASS"}}},
	{name: "the armor refuses a page under an image's name", source: "Cache Deception Armor", origin: say("a", "Content-Type: text/html"),
		rules: []string{rule("r", all, `{"cache":true,"cacheKey":{"cacheDeceptionArmor":true}}`)},
		steps: []step{{target: "/newsfeed/foo.jpg", want: "BYPASS"}, {target: "/newsfeed/foo.jpg", want: "BYPASS"}}},
	{name: "the armor lets kin and downloads pass", source: "Cache Deception Armor: Exceptions", origin: say("a", "Content-Type: image/webp"),
		rules: []string{rule("r", all, `{"cache":true,"cacheKey":{"cacheDeceptionArmor":true}}`)},
		steps: []step{{target: "/a.jpg", want: "MISS"}, {target: "/b.css", origin: say("a", "Content-Type: application/octet-stream"), want: "MISS"}}},
	{name: "an edge TTL overrides the armor", source: "Cache Deception Armor: Exceptions", origin: say("a", "Content-Type: text/html"),
		rules: []string{rule("r", all, `{"cache":true,"edgeTtl":{"mode":"override_origin","default":60},"cacheKey":{"cacheDeceptionArmor":true}}`)},
		steps: []step{{target: "/foo.jpg", want: "MISS"}, {target: "/foo.jpg", want: "HIT"}}},
}

// down is an origin that fails.
var down = sayStatus(503, "down")

var freshnessRows = []row{
	{name: "an expired object is fetched again", source: "Cloudflare cache responses: EXPIRED", origin: say("a", "Cache-Control: max-age=5"),
		steps: []step{{want: "MISS"}, {wait: 5 * time.Second, origin: say("b"), want: "EXPIRED", body: "b"}, {want: "HIT", body: "b"}}},
	{name: "an unchanged object is revalidated and its age begins anew", source: "Cloudflare cache responses: REVALIDATED, Age", origin: say("a", "Cache-Control: max-age=5", `Etag: "1"`),
		steps: []step{{want: "MISS"}, {wait: 5 * time.Second, want: "REVALIDATED", body: "a", header: map[string]string{"Age": "0"}}, {wait: time.Second, want: "HIT", header: map[string]string{"Age": "1"}}}},
	{name: "a changed object is replaced", source: "Revalidation", origin: say("a", "Cache-Control: max-age=5", `Etag: "1"`),
		steps: []step{{want: "MISS"}, {wait: 5 * time.Second, origin: say("b", "Cache-Control: max-age=5", `Etag: "2"`), want: "EXPIRED", body: "b"}}},
	{name: "a 304 that forbids keeping is fetched again", source: "RFC 9111, 4.3.4", origin: say("a", "Cache-Control: max-age=5", `Etag: "1"`),
		steps: []step{{want: "MISS"}, {wait: 5 * time.Second, origin: say("a", "Cache-Control: private", `Etag: "1"`), want: "BYPASS", body: "a", asked: 3}}},
	{name: "stale-while-revalidate answers UPDATING at once", source: "Revalidation: Asynchronous revalidation", origin: say("a", "Cache-Control: max-age=5, stale-while-revalidate=60"),
		steps: []step{{want: "MISS"}, {wait: 6 * time.Second, want: "UPDATING", body: "a", header: map[string]string{"Age": "6"}}}},
	{name: "after its window stale-while-revalidate waits", source: "Origin Cache Control: Revalidation", origin: say("a", "Cache-Control: max-age=5, stale-while-revalidate=60"),
		steps: []step{{want: "MISS"}, {wait: 65 * time.Second, want: "EXPIRED"}}},
	{name: "serve stale can be disabled", source: "Available settings: Serve stale content while revalidating", origin: say("a", "Cache-Control: max-age=5, stale-while-revalidate=60"),
		rules: []string{rule("r", all, `{"cache":true,"serveStale":{"disableStaleWhileUpdating":true}}`)},
		steps: []step{{want: "MISS"}, {wait: 6 * time.Second, want: "EXPIRED"}}},
	{name: "must-revalidate forbids stale-while-revalidate", source: "Revalidation: Directives that disable", origin: say("a", "Cache-Control: max-age=5, must-revalidate, stale-while-revalidate=60"),
		steps: []step{{want: "MISS"}, {wait: 6 * time.Second, want: "EXPIRED"}}},
	{name: "s-maxage forbids stale-while-revalidate", source: "Revalidation: Directives that disable", origin: say("a", "Cache-Control: s-maxage=5, stale-while-revalidate=60"),
		steps: []step{{want: "MISS"}, {wait: 6 * time.Second, want: "EXPIRED"}}},
	{name: "an edge TTL keeps stale-while-revalidate", source: "Revalidation: Workaround", origin: say("a", "Cache-Control: max-age=5, stale-while-revalidate=60"),
		rules: []string{rule("r", all, `{"cache":true,"edgeTtl":{"mode":"override_origin","default":100}}`)},
		steps: []step{{want: "MISS"}, {wait: 101 * time.Second, want: "UPDATING"}}},
	{name: "a failing origin is covered by the old copy", source: "Cloudflare cache responses: STALE", origin: say("a", "Cache-Control: max-age=5"),
		steps: []step{{want: "MISS"}, {wait: time.Hour, origin: down, want: "STALE", body: "a", status: 200}}},
	{name: "stale-if-error limits that", source: "Origin Cache Control: Revalidation", origin: say("a", "Cache-Control: max-age=5, stale-if-error=10"),
		steps: []step{{want: "MISS"}, {wait: 14 * time.Second, origin: down, want: "STALE"}, {wait: time.Second, want: "MISS", status: 503}}},
	{name: "stale-if-error=0 forbids it", source: "Origin Cache Control: Revalidation", origin: say("a", "Cache-Control: max-age=5, stale-if-error=0"),
		steps: []step{{want: "MISS"}, {wait: 6 * time.Second, origin: down, want: "MISS", status: 503}}},
	{name: "must-revalidate forbids it", source: "Origin Cache Control: Directives", origin: say("a", "Cache-Control: max-age=5, must-revalidate"),
		steps: []step{{want: "MISS"}, {wait: 6 * time.Second, origin: down, want: "MISS", status: 503}}},
}

var keyRows = []row{
	{name: "the query string belongs to the key", source: "Cache keys", origin: say("a"),
		steps: []step{{target: "/a.css?a=1&b=2", want: "MISS"}, {target: "/a.css?b=2&a=1", want: "MISS"}, {target: "/a.css?a=1&b=2", want: "HIT"}}},
	{name: "the query string can be left out", source: "Cache keys: Query String", origin: say("a"), rules: []string{rule("r", all, custom(`{"queryString":{"excludes":["*"]}}`))},
		steps: []step{{target: "/a.css?a=1", want: "MISS"}, {target: "/a.css", want: "HIT"}}},
	{name: "parameters can be chosen", source: "Cache keys: Query String", origin: say("a"), rules: []string{rule("r", all, custom(`{"queryString":{"includes":["v"]}}`))},
		steps: []step{{target: "/a.css?v=1&utm=x", want: "MISS"}, {target: "/a.css?utm=y&v=1", want: "HIT"}, {target: "/a.css?v=2", want: "MISS"}}},
	{name: "parameters can be excluded, however they are encoded", source: "Cache keys: Query String", origin: say("a"), rules: []string{rule("r", all, custom(`{"queryString":{"excludes":["utm"]}}`))},
		steps: []step{{target: "/a.css?v=1&utm=x", want: "MISS"}, {target: "/a.css?v=1&%75tm=y", want: "HIT"}}},
	{name: "the order of parameters can be ignored", source: "Available settings: Cache Key (Sort query string)", origin: say("a"), rules: []string{rule("r", all, `{"cache":true,"cacheKey":{"ignoreQueryStringsOrder":true}}`)},
		steps: []step{{target: "/a.css?b=2&a=1", want: "MISS"}, {target: "/a.css?a=1&b=2", want: "HIT"}}},
	{name: "Origin belongs to the key", source: "Cache keys", origin: say("a"),
		steps: []step{{send: []string{"Origin: https://a.example"}, want: "MISS"}, {send: []string{"Origin: https://b.example"}, want: "MISS"}, {want: "MISS"}}},
	{name: "Origin can be left out", source: "Cache keys: Headers", origin: say("a"), rules: []string{rule("r", all, custom(`{"header":{"excludeOrigin":true}}`))},
		steps: []step{{send: []string{"Origin: https://a.example"}, want: "MISS"}, {want: "HIT"}}},
	{name: "headers that change answers belong to the key", source: "Cache keys", origin: say("a"),
		steps: []step{{send: []string{"X-Forwarded-Host: evil.example"}, want: "MISS"}, {want: "MISS"}, {send: []string{"X-Original-URL: /admin"}, want: "MISS"},
			{send: []string{"X-HTTP-Method-Override: POST"}, want: "MISS"}, {want: "HIT"}}},
	{name: "a header can be chosen", source: "Cache keys: Headers", origin: say("a"), rules: []string{rule("r", all, custom(`{"header":{"includes":["X-Api"],"checkPresences":["X-Beta"]}}`))},
		steps: []step{{send: []string{"X-Api: 1"}, want: "MISS"}, {send: []string{"X-Api: 2"}, want: "MISS"}, {send: []string{"X-Api: 1", "X-Beta: a"}, want: "MISS"}, {send: []string{"X-Api: 1", "X-Beta: b"}, want: "HIT"}}},
	{name: "a cookie can be chosen", source: "Cache keys: Cookie", origin: say("a"), rules: []string{rule("r", all, custom(`{"cookie":{"includes":["lang"]}}`))},
		steps: []step{{send: []string{"Cookie: lang=de; id=1"}, want: "MISS"}, {send: []string{"Cookie: id=2; lang=de"}, want: "HIT"}, {send: []string{"Cookie: lang=fr"}, want: "MISS"}}},
	{name: "the device can be chosen", source: "Cache keys: User features", origin: say("a"), rules: []string{rule("r", all, `{"cache":true,"cacheKey":{"cacheByDeviceType":true}}`)},
		steps: []step{{send: []string{"User-Agent: x Mobi"}, want: "MISS"}, {send: []string{"User-Agent: x"}, want: "MISS"}, {send: []string{"User-Agent: y Mobi"}, want: "HIT"}}},
	{name: "equivalent spellings of a URL are one object", source: "How URL normalization works; Purge cache by prefix: normalization", origin: say("a"),
		steps: []step{{target: "/%61.css", want: "MISS"}, {target: "/x/../a.css", want: "HIT"}, {target: "/a.css", want: "HIT"}}},
}

func custom(key string) string { return `{"cache":true,"cacheKey":{"customKey":` + key + `}}` }

func browser(ttl string) []string {
	return []string{rule("r", all, `{"cache":true,"browserTtl":`+ttl+`}`)}
}

var browserRows = []row{
	{name: "a rule lengthens the browser's time", source: "Set Browser Cache TTL", origin: say("a", "Cache-Control: public, max-age=10, immutable"), rules: browser(`{"mode":"override_origin","default":60}`),
		steps: []step{{want: "MISS", header: map[string]string{"Cache-Control": "public, max-age=60, immutable"}}}},
	{name: "a rule does not shorten it", source: "Set Browser Cache TTL", origin: say("a", "Cache-Control: max-age=100"), rules: browser(`{"mode":"override_origin","default":60}`),
		steps: []step{{want: "MISS", header: map[string]string{"Cache-Control": "max-age=100"}}}},
	{name: "a rule sets it where the origin says nothing", source: "Set Browser Cache TTL", origin: say("a"), rules: browser(`{"mode":"override_origin","default":60}`),
		steps: []step{{want: "MISS", header: map[string]string{"Cache-Control": "max-age=60"}}}},
	{name: "respect_origin leaves the headers", source: "Available settings: Browser TTL", origin: say("a"), settings: `{"browserCacheTtl":86400}`, rules: browser(`{"mode":"respect_origin"}`),
		steps: []step{{want: "MISS", header: map[string]string{"Cache-Control": ""}}}},
	{name: "bypass keeps browsers from caching", source: "Available settings: Browser TTL", origin: say("a", "Cache-Control: max-age=100"), rules: browser(`{"mode":"bypass"}`),
		steps: []step{{want: "MISS", header: map[string]string{"Cache-Control": "no-store"}}}},
	{name: "the zone's setting applies without a rule", source: "Order and priority, 4; Edge and Browser Cache TTL", origin: say("a", "Cache-Control: max-age=10"), settings: `{"browserCacheTtl":86400}`,
		steps: []step{{want: "MISS", header: map[string]string{"Cache-Control": "max-age=86400"}}}},
	{name: "private is preserved", source: "Origin Cache Control: Conditions", origin: say("a", "Cache-Control: private, max-age=1"), settings: `{"browserCacheTtl":86400}`,
		steps: []step{{want: "BYPASS", header: map[string]string{"Cache-Control": "private, max-age=1"}}}},
	{name: "immutable reaches the browser", source: "Origin Cache Control: Directives", origin: say("a", "Cache-Control: max-age=31536000, immutable"),
		steps: []step{{want: "MISS"}, {want: "HIT", header: map[string]string{"Cache-Control": "max-age=31536000, immutable"}}}},
}

var requestRows = []row{
	{name: "a range is cut from the whole object", source: "Range request behavior", origin: say("0123456789"),
		steps: []step{{send: []string{"Range: bytes=2-4"}, want: "MISS", status: 206, body: "234", header: map[string]string{"Content-Range": "bytes 2-4/10"}}, {want: "HIT", body: "0123456789", status: 200, asked: 1},
			{send: []string{"Range: bytes=-3"}, want: "HIT", status: 206, body: "789"}}},
	{name: "a range beyond the end is refused", source: "Range request behavior", origin: say("0123456789"),
		steps: []step{{send: []string{"Range: bytes=20-"}, want: "MISS", status: http.StatusRequestedRangeNotSatisfiable, header: map[string]string{"Content-Range": "bytes */10"}}}},
	{name: "a range that cannot be parsed is ignored", source: "Range request behavior", origin: say("0123456789"),
		steps: []step{{send: []string{"Range: lines=1-2"}, want: "MISS", status: 200}, {send: []string{"Range: bytes=a-b"}, want: "HIT", status: 200}}},
	{name: "a changed If-Range gives the whole", source: "Range request behavior: Conditional requests", origin: say("0123456789", `Etag: "1"`),
		steps: []step{{send: []string{"Range: bytes=0-1", `If-Range: "2"`}, want: "MISS", status: 200}, {send: []string{"Range: bytes=0-1", `If-Range: "1"`}, want: "HIT", status: 206}}},
	{name: "a visitor's condition is answered from the cache", source: "Using ETag headers with Cloudflare", origin: say("a", `Etag: "1"`),
		steps: []step{{send: []string{`If-None-Match: "1"`}, want: "MISS", status: 304}, {send: []string{`If-None-Match: "1"`}, want: "HIT", status: 304, asked: 1}, {send: []string{`If-None-Match: "2"`}, want: "HIT", status: 200}}},
	{name: "without validators the time of caching serves as one", source: "Revalidation: Smart revalidation towards users", origin: say("a"),
		steps: []step{{want: "MISS", header: map[string]string{"Last-Modified": "Fri, 02 Jan 2026 03:04:05 GMT"}}, {send: []string{"If-Modified-Since: Fri, 02 Jan 2026 03:04:05 GMT"}, want: "HIT", status: 304}}},
	{name: "a visitor cannot force a fetch", source: "Origin Cache Control (it names response directives only)", origin: say("a"),
		steps: []step{{want: "MISS"}, {send: []string{"Cache-Control: no-cache", "Pragma: no-cache"}, want: "HIT"}}},
	{name: "an object above the limit passes and is not kept", source: "Default cache behavior: Cacheable size limits", origin: say(strings.Repeat("x", 1<<20+1)),
		steps: []step{{want: "BYPASS", status: 200}, {want: "BYPASS", asked: 2}}},
	{name: "cache tags do not reach visitors", source: "Purge cache by cache-tags", origin: say("a", "Cache-Tag: one,two"),
		steps: []step{{want: "MISS", header: map[string]string{"Cache-Tag": ""}}, {target: "/page", want: "DYNAMIC", header: map[string]string{"Cache-Tag": ""}}}},
}
