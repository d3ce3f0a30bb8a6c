package cache_test

import (
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// defaults are the rules that the component makes by default; a test beside
// the component keeps the files right.
const defaults = "../../../components/cdn/testdata/edge"

// personal are paths whose answers belong to one visitor, with those of the
// component's AlwaysBypassed among them.
var personal = []string{"/users/1", "/api/me", "/account", "/admin/keys", "/login", "/auth/token"}

// lenient is the worst origin for a cache: it decodes everything as often as
// it can, knows four kinds of separators, no case and no suffix, and shows
// each visitor's own page without any header against caching.
func lenient(w http.ResponseWriter, r *http.Request) {
	target, _, _ := strings.Cut(r.RequestURI, "?")
	if _, after, absolute := strings.Cut(target, "://"); absolute {
		target = after[strings.IndexByte(after, '/'):]
	}
	for range 3 {
		if plain, err := url.PathUnescape(target); err == nil {
			target = plain
		}
	}
	target = strings.NewReplacer(`\`, "/", "\xc0\xaf", "/", "\xc0\xae", ".").Replace(strings.ToLower(target))
	var segments []string
	for segment := range strings.SplitSeq(target, "/") {
		segment, _, _ = strings.Cut(segment, ";")
		segment, _, _ = strings.Cut(segment, "\x00")
		segments = append(segments, segment)
	}
	target = path.Clean("/" + strings.Join(segments, "/"))
	for _, p := range personal {
		if strings.HasPrefix(target, strings.SplitN(p[1:], "/", 2)[0]) || strings.HasPrefix(target, "/"+strings.SplitN(p[1:], "/", 2)[0]) {
			io.WriteString(w, "page of "+r.Header.Get("Cookie"))
			return
		}
	}
	io.WriteString(w, "asset "+target)
}

// targets disguise a personal path as something that is cached.
func targets(p string) []string {
	bare := p[1:]
	all := []string{
		p, strings.ToUpper(p), p + "/", p + ".css", p + "/x.css", p + "/static/x.js", p + ";.css", p + ";x=/a.css", p + "%3b.css",
		p + "%3B.css", p + "%2fx.css", p + "%2Fx.css", p + "%00.css", p + "%0a.css", p + "%23.css", p + "%3f.css", p + "?.css",
		p + "?/static/a.css", p + "&.css", p + "/..%2f/a.css", p + "%5cx.css", p + `\x.css`,
		"/" + p + ".css", "//" + p + "/x.css", "/." + p + ".css", "/x/.." + p + ".css", "/;" + p + ".css", "/;x" + p + ".css",
		"/%2f" + bare + ".css", "/%2F" + bare + "/x.js", "/%5c" + bare + ".css", `/\` + bare + ".css", "/%2e" + p + ".css",
		"/%" + strings.ToUpper(hex(bare[0])) + bare[1:] + ".css", "/%25" + hex(bare[0]) + bare[1:] + ".css",
		"/%2525" + hex(bare[0]) + bare[1:] + ".css", "/x%2f.." + p + ".css", "/%c0%af" + bare + ".css", "/%3b" + p + ".css",
	}
	for _, folder := range []string{"/static/", "/images/", "/js/", "/static/a.css/"} {
		for _, up := range []string{"..", "../..", "%2e%2e", ".%2e", "%2E.", "..%2f..", "..%2F", "%2e%2e%2f", "..%5c", `..\`, `..\..`,
			"..;", "..;x", ".;/..", "%2e%2e;", "..%3b", "%252e%252e", "%252e%252e%252f", "..%252f..", "/..", "//..", "x/../..", "./..",
			"%2f..", "%5c..", "..%00", "%c0%ae%c0%ae", "..%c0%af", "%25%32%65%25%32%65"} {
			all = append(all, folder+up+p, folder+up+"/.."+p, folder+up+bare, folder+up+p+".css")
		}
	}
	return all
}

func hex(c byte) string { return string([]byte{"0123456789abcdef"[c>>4], "0123456789abcdef"[c&15]}) }

// TestNobodyGetsAnothersPage lets a victim follow each link and then an
// attacker, with and without a session of his own.
func TestNobodyGetsAnothersPage(t *testing.T) {
	b := newBench(t, defaults, lenient)
	sent, pages := 0, 0
	for _, p := range personal {
		for _, target := range targets(p) {
			sent++
			if victim := b.get(target, "Cookie: victim"); strings.Contains(victim.body, "page of victim") {
				pages++
			}
			for _, cookie := range []string{"Cookie: attacker", "X-Anonymous: 1"} {
				got := b.get(target, cookie)
				if strings.Contains(got.body, "victim") {
					t.Errorf("%s: the victim's page came to another as %s, by rule %q", target, got.cache, got.header.Get("X-Stand-In-Rule"))
				}
			}
		}
	}
	require.Greater(t, pages, sent/2, "the attacks must reach personal pages to mean anything")
	t.Logf("%d targets, %d of them show a personal page", sent, pages)
}

// TestNobodyPoisonsAnAsset lets an attacker ask first, in ways that make some
// origins answer with something else.
func TestNobodyPoisonsAnAsset(t *testing.T) {
	for _, header := range []string{
		"X-Original-URL: /users/1", "X-Rewrite-URL: /users/1", "X-HTTP-Method-Override: DELETE", "X-HTTP-Method: PUT", "X-Method-Override: PUT",
		"X-Forwarded-Host: evil.example", "X-Host: evil.example", "Forwarded: host=evil.example", "X-Forwarded-Scheme: nothttps",
		"Origin: https://evil.example", "Range: bytes=0-0", "If-None-Match: *", "If-Modified-Since: Fri, 02 Jan 2099 03:04:05 GMT",
		"Accept-Encoding: br", "TE: trailers", "Connection: Authorization", "Cache-Control: no-store", "Authorization: Bearer x",
	} {
		b := newBench(t, defaults, func(w http.ResponseWriter, r *http.Request) {
			for name, values := range r.Header {
				if strings.HasPrefix(name, "X-") && !strings.HasPrefix(name, "X-Forwarded-For") && !strings.HasPrefix(name, "X-Forwarded-Proto") ||
					name == "Forwarded" || name == "Origin" || name == "Range" || strings.HasPrefix(name, "If-") || name == "Authorization" {
					io.WriteString(w, "poisoned by "+name+values[0])
					return
				}
			}
			io.WriteString(w, "asset")
		})
		b.get("/static/app.js", header)
		victim := b.get("/static/app.js")
		require.Equal(t, "asset", victim.body, header)
		require.Equal(t, "asset", b.get("/static/app.js").body, header)
	}
	for _, target := range []string{"/static/x/%2e%2e/app.js", "/static/x/../app.js", "/static/./app.js", "/static//../static/app.js", "/static/%2e/app.js"} {
		b := newBench(t, defaults, func(w http.ResponseWriter, r *http.Request) {
			if r.RequestURI != "/static/app.js" {
				http.Error(w, "this origin does not resolve dots", http.StatusNotFound)
				return
			}
			io.WriteString(w, "asset")
		})
		require.Equal(t, http.StatusNotFound, b.get(target).status)
		require.Equal(t, "asset", b.get("/static/app.js").body, "poisoned through %s", target)
	}
}

// TestDefaultsCacheWhatTheyName is the other side: the attacks must not have
// been met by caching nothing.
func TestDefaultsCacheWhatTheyName(t *testing.T) {
	b := newBench(t, defaults, lenient)
	for _, target := range []string{"/static/app.3f2a.js", "/images/a%20b.png", "/js/x.js?v=2", "/static/caf%c3%a9.css", "/favicon.ico"} {
		require.Equal(t, "MISS", b.get(target).cache, target)
		require.Equal(t, "HIT", b.get(target).cache, target)
	}
	for _, target := range []string{"/", "/users/1", "/api/x.js", "/products.json"} {
		require.Equal(t, "DYNAMIC", b.get(target).cache, target)
		require.Equal(t, "DYNAMIC", b.get(target).cache, target)
	}
	require.Equal(t, "DYNAMIC", b.get("/static/app.3f2a.js", "Authorization: Bearer x").cache)
}
