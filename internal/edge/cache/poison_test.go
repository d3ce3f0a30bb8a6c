package cache_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// poisons are request headers that make some origins answer with something
// else.
var poisons = []string{
	"X-Original-URL: /users/1", "X-Rewrite-URL: /users/1", "X-HTTP-Method-Override: DELETE", "X-HTTP-Method: PUT", "X-Method-Override: PUT",
	"X-Forwarded-Host: evil.example", "X-Host: evil.example", "Forwarded: host=evil.example", "X-Forwarded-Scheme: nothttps",
	"Origin: https://evil.example", "Range: bytes=0-0", "If-None-Match: *", "If-Modified-Since: Fri, 02 Jan 2099 03:04:05 GMT",
	"Accept-Encoding: br", "TE: trailers", "Connection: Authorization", "Cache-Control: no-store",
}

const authorization = "Authorization: Bearer x"

// gullible is an origin that lets each of those headers change its answer.
func gullible(w http.ResponseWriter, r *http.Request) {
	for name, values := range r.Header {
		if strings.HasPrefix(name, "X-") && !strings.HasPrefix(name, "X-Forwarded-For") && !strings.HasPrefix(name, "X-Forwarded-Proto") ||
			name == "Forwarded" || name == "Origin" || name == "Range" || strings.HasPrefix(name, "If-") || name == "Authorization" {
			io.WriteString(w, "poisoned by "+name+values[0])
			return
		}
	}
	io.WriteString(w, "asset")
}

// TestNobodyPoisonsAnAsset lets an attacker ask first.
func TestNobodyPoisonsAnAsset(t *testing.T) {
	for mode, dir := range zones {
		headers := poisons
		if mode == "cacheRules" {
			headers = append(headers, authorization)
		}
		for _, header := range headers {
			b := newBench(t, dir, gullible)
			b.get("/static/app.js", header)
			require.Equal(t, "asset", b.get("/static/app.js").body, "%s: %s", mode, header)
			require.Equal(t, "asset", b.get("/static/app.js").body, "%s: %s", mode, header)
		}
	}
}

// A page rule sees no header. What an origin answers below a cached folder must
// not depend on Authorization there, and docs/cdn.md says so.
func TestPageRulesCannotSeeAuthorization(t *testing.T) {
	b := newBench(t, zones["pageRules"], gullible)
	b.get("/static/app.js", authorization)
	require.Equal(t, "poisoned by AuthorizationBearer x", b.get("/static/app.js").body)
}

// TestNobodyPoisonsThroughASpelling asks for an asset in a way that only the
// edge understands.
func TestNobodyPoisonsThroughASpelling(t *testing.T) {
	exact := func(w http.ResponseWriter, r *http.Request) {
		if r.RequestURI != "/static/app.js" {
			http.Error(w, "this origin does not resolve dots", http.StatusNotFound)
			return
		}
		io.WriteString(w, "asset")
	}
	for mode, dir := range zones {
		for _, target := range []string{"/static/x/%2e%2e/app.js", "/static/x/../app.js", "/static/./app.js", "/static//../static/app.js", "/static/%2e/app.js"} {
			b := newBench(t, dir, exact)
			b.get(target)
			require.Equal(t, "asset", b.get("/static/app.js").body, "%s: poisoned through %s", mode, target)
		}
	}
}

// TestDefaultsCacheWhatTheyName is the other side: the attacks must not have
// been met by caching nothing.
func TestDefaultsCacheWhatTheyName(t *testing.T) {
	for mode, dir := range zones {
		b := newBench(t, dir, lenient)
		cached := []string{"/static/app.3f2a.js", "/images/a.png", "/js/x.js?v=2"}
		if mode == "cacheRules" {
			cached = append(cached, "/images/a%20b.png", "/static/caf%c3%a9.css", "/favicon.ico")
			require.Equal(t, "DYNAMIC", b.get(cached[0], authorization).cache)
		}
		for _, target := range cached {
			require.Equal(t, "MISS", b.get(target).cache, target)
			require.Equal(t, "HIT", b.get(target).cache, target)
		}
		for _, target := range []string{"/", "/users/1", "/api/x.js", "/products.json"} {
			require.Equal(t, "DYNAMIC", b.get(target).cache, target)
			require.Equal(t, "DYNAMIC", b.get(target).cache, target)
		}
	}
}
