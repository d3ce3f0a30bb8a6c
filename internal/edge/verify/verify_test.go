package verify

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/edge/replay"
	"github.com/scalestack/scalestack/internal/edge/rules"
)

const day = 24 * time.Hour

func TestCheck(t *testing.T) {
	answers := map[string][]string{
		"/static/app.3f2a91bc.js":  {"Cache-Control: public, max-age=31536000, immutable", `Etag: "1"`, "Content-Type: text/javascript", "Vary: Accept-Encoding"},
		"/static/app.0badcafe.css": {"Cache-Control: max-age=60", `Etag: "1"`, "Content-Type: text/css"},
		"/static/me.js":            {"Cache-Control: private", "Set-Cookie: a=b", "Content-Type: text/javascript", "Last-Modified: Fri, 02 Jan 2026 03:04:05 GMT"},
		"/images/photo.png":        {"Content-Type: text/html", "Vary: Cookie", "X-Forgets: yes", `Etag: "1"`},
		"/js/gone.js":              {"Status: 404", "Content-Type: text/javascript", `Etag: "1"`},
		"/js/broken.js":            {"Status: 500", "Content-Type: text/javascript"},
		"/js/fixed.js":             {"Cache-Control: immutable", `Etag: "1"`, "Content-Type: text/javascript"},
		"/favicon.ico":             {`Etag: "1"`, "Content-Type: image/x-icon"},
		"/page.html":               {"Cache-Control: no-cache"},
		"/users/1":                 {},
	}
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "shop.example", r.Host)
		status := 200
		for _, line := range answers[r.URL.Path] {
			name, value, _ := strings.Cut(line, ": ")
			if name == "Status" {
				status = map[string]int{"404": 404, "500": 500}[value]
				continue
			}
			w.Header().Set(name, value)
		}
		if r.Header.Get("If-None-Match") != "" && w.Header().Get("X-Forgets") == "" {
			status = http.StatusNotModified
		}
		w.WriteHeader(status)
	}))
	defer origin.Close()
	loaded, err := rules.Load("../../../components/cdn/testdata/edge")
	require.NoError(t, err)
	address, err := url.Parse(origin.URL)
	require.NoError(t, err)
	checkAll := func(paths ...string) *Result {
		found, err := Check(context.Background(), Options{Rules: loaded, Origin: address, Host: "shop.example"}, paths)
		require.NoError(t, err)
		return found
	}
	check := func(path string) Finding { return checkAll(path).Findings[0] }
	kept := func(path string, status int, rule string, edge time.Duration, browser string) Finding {
		return Finding{Path: path, Status: status, Rule: rule, Cached: true, Edge: edge, Browser: browser}
	}
	for _, want := range []Finding{
		kept("/static/app.3f2a91bc.js", 200, "static", 30*day, "public, max-age=31536000, immutable"),
		with(kept("/static/app.0badcafe.css", 200, "static", 30*day, "max-age=86400"), nil,
			[]string{"the name has a hash: Cache-Control: public, max-age=31536000, immutable would save browsers their questions"}),
		with(kept("/static/me.js", 200, "static", 30*day, "private"),
			[]string{"the origin says private and the rule's edge TTL overrides it", "the origin sets a cookie, which the edge strips to cache the rest"}, nil),
		with(kept("/images/photo.png", 200, "images", 30*day, "max-age=86400"), nil,
			[]string{"Vary: Cookie is ignored, all visitors get one answer", `.png came as "text/html" and not as image/png: is this the page for a missing file?`,
				"answers its own ETag with 200 and not with 304: each revalidation transfers it whole"}),
		with(Finding{Path: "/js/gone.js", Status: 404, Rule: "js", Reason: "the rule keeps nothing with status 404"},
			[]string{"rule js caches the path, but nothing will be kept: the rule keeps nothing with status 404"}, nil),
		with(Finding{Path: "/js/broken.js", Status: 500, Rule: "js", Reason: "the rule keeps nothing with status 500"},
			[]string{"rule js caches the path, but nothing will be kept: the rule keeps nothing with status 500"}, nil),
		with(kept("/js/fixed.js", 200, "js", 7*day, "immutable, max-age=86400"), nil,
			[]string{"immutable without a hash in the name: browsers never ask again, whatever changes"}),
		with(kept("/favicon.ico", 200, "", 2*time.Hour, "max-age=86400"), nil, []string{"cached by its extension, no rule names it"}),
		{Path: "/page.html", Status: 200, Browser: "no-cache", Reason: "no rule caches it and its extension is not cached by default"},
		{Path: "/users/1", Status: 200, Rule: "bypass-api", Reason: "rule bypass-api bypasses the cache"},
	} {
		require.Equal(t, want, check(want.Path))
	}

	var text bytes.Buffer
	failed, err := checkAll("/static/me.js", "/users/1").Write(&text)
	require.NoError(t, err)
	require.Equal(t, 1, failed)
	require.Contains(t, text.String(), "WRONG: the origin says private")
	require.Contains(t, text.String(), "not cached: rule bypass-api bypasses the cache")
	require.Contains(t, text.String(), "2 paths, 1 wrong")

	// Half of the paths are never cached, one for two hours and one for a month.
	result := checkAll("/static/app.3f2a91bc.js", "/favicon.ico", "/page.html", "/users/1", "/static/me.js")
	require.InDelta(t, (23+12+0+0+23)/120.0, result.Ratio, 0.001)
	require.Equal(t, []replay.Advice{
		{Setting: "a rule {ref: page-html, path: /page.html, edgeTtl: 7200}", Unless: "an answer there depends on who asks or must be new", Gain: 12, Points: 0.1},
		{Setting: "a rule {ref: files, extensions: [ico], edgeTtl: 2592000}", Unless: "a release changes files without purging them", Gain: 11, Points: 11 / 120.0},
	}, result.Advice)

	origin.Close()
	_, err = Check(context.Background(), Options{Rules: loaded, Origin: address}, []string{"/a"})
	require.ErrorContains(t, err, "/a: Get")
}

func with(f Finding, wrong, hints []string) Finding {
	f.Wrong, f.Hints = wrong, hints
	return f
}
