// Package policy decides, as Cloudflare documents it, whether a request and a response
// may be cached, under which key and for how long. It has no state and does no I/O: the
// cache, the replay of logs and the check of an origin all use it.
//
// Where the documentation leaves a choice, the package takes the one that reveals a
// wrong rule sooner: it caches.
package policy

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/scalestack/scalestack/internal/edge/expression"
	"github.com/scalestack/scalestack/internal/edge/rules"
)

// NewRequest is a visitor's request as the zone's rules see it. target is the
// request target as it was sent.
func NewRequest(zone *rules.Rules, method, scheme, host, target string, header http.Header, source netip.Addr) *expression.Request {
	path, query, _ := strings.Cut(target, "?")
	return &expression.Request{
		Method: method, Scheme: scheme, Host: strings.ToLower(host),
		Path: NormalizePath(path, zone.Normalization), Query: query, RawPath: path, RawQuery: query,
		Header: header, Source: source,
	}
}

// FromHTTP does the same for a request that a server received.
func FromHTTP(zone *rules.Rules, r *http.Request, scheme string) *expression.Request {
	target := r.RequestURI
	if !strings.HasPrefix(target, "/") {
		target = r.URL.RequestURI()
	}
	address, _, _ := net.SplitHostPort(r.RemoteAddr)
	source, _ := netip.ParseAddr(address)
	return NewRequest(zone, r.Method, scheme, r.Host, target, r.Header, source)
}

// OriginPath is the path that the origin gets.
func OriginPath(zone *rules.Rules, r *expression.Request) string {
	if zone.Normalization.ToOrigin() {
		return r.Path
	}
	return r.RawPath
}

// OriginTarget is OriginPath with the query string.
func OriginTarget(zone *rules.Rules, r *expression.Request) string {
	if r.RawQuery == "" {
		return OriginPath(zone, r)
	}
	return OriginPath(zone, r) + "?" + r.RawQuery
}

// extensions are those that Cloudflare caches without a rule (page "Default
// cache behavior"). HTML and JSON are not among them.
var extensions = set(`7z avi avif apk bin bmp bz2 class css csv doc docx dmg ejs eot eps exe flac gif gz ico iso jar jpg
	jpeg js mid midi mkv mp3 mp4 ogg otf pdf pict pls png ppt pptx ps rar svg svgz swf tar tif tiff ttf webm webp woff
	woff2 xls xlsx zip zst`)

func set(words string) map[string]bool {
	s := map[string]bool{}
	for _, w := range strings.Fields(words) {
		s[w] = true
	}
	return s
}

// Static reports whether Cloudflare caches the path without a rule.
func Static(r *expression.Request) bool {
	return extensions[r.Extension()] || r.Path == "/robots.txt"
}

// Eligible reports whether the cache may be asked for the request, and if not,
// why. Cloudflare answers such a request with the status DYNAMIC, whether a
// rule bypasses it or nothing makes it cacheable (page "Available settings",
// Bypass cache).
func Eligible(r *expression.Request, s *rules.Settings) (bool, string) {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return false, "the method is " + r.Method
	case s.Eligibility == rules.Bypass:
		return false, "rule " + s.Ref + " bypasses the cache"
	case s.Eligibility == rules.ByDefault && !Static(r):
		return false, "no rule caches it and its extension is not cached by default"
	case s.Zone.CacheLevel == rules.LevelNoQuery && r.Query != "":
		return false, "the zone's cache level leaves query strings out"
	}
	return true, ""
}
