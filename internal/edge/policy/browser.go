package policy

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/scalestack/scalestack/internal/edge/rules"
)

var maxAge = regexp.MustCompile(`(?i)max-age\s*=\s*"?[0-9]+"?`)

// SetBrowserTTL changes Cache-Control as a visitor gets it with a response
// that was or could be cached. A rule's lifetime, or else the zone's, applies
// where it is longer than the origin's (page "Set Browser Cache TTL").
func SetBrowserTTL(header http.Header, s *rules.Settings) {
	ttl := s.Zone.BrowserCacheTTL
	if b := s.BrowserTTL; b != nil {
		switch b.Mode {
		case rules.RespectOrigin:
			return
		case rules.OverrideOrigin:
			ttl = *b.Default
		default:
			header.Set("Cache-Control", "no-store")
			header.Del("Expires")
			return
		}
	}
	if ttl > 0 {
		lengthen(header, ttl)
	}
}

// lengthen keeps the other directives. What must not be kept at all stays so.
func lengthen(header http.Header, ttl int) {
	current := strings.Join(header.Values("Cache-Control"), ", ")
	control, _, err := directives(http.Header{"Cache-Control": {current}})
	if err != nil || control.NoStore || control.NoCachePresent || control.PrivatePresent || int(control.MaxAge) >= ttl {
		return
	}
	directive := "max-age=" + strconv.Itoa(ttl)
	switch {
	case current == "":
		current = directive
	case control.MaxAge >= 0:
		current = replaceMaxAge(current, directive)
	default:
		current += ", " + directive
	}
	header.Set("Cache-Control", current)
	header.Del("Expires")
}

// replaceMaxAge leaves s-maxage alone.
func replaceMaxAge(current, directive string) string {
	parts := strings.Split(current, ",")
	for i, p := range parts {
		if p = strings.TrimSpace(p); maxAge.MatchString(p) && !strings.HasPrefix(strings.ToLower(p), "s-") {
			p = directive
		}
		parts[i] = p
	}
	return strings.Join(parts, ", ")
}
