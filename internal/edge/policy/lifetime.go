package policy

import (
	"net/http"
	"strconv"
	"time"

	"github.com/pquerna/cachecontrol/cacheobject"

	"github.com/scalestack/scalestack/internal/edge/rules"
)

// defaultTTL is how long the edge keeps a status without any instruction
// (page "Cache by status code", Edge TTL).
func defaultTTL(status int) (time.Duration, bool) {
	switch status {
	case http.StatusOK, http.StatusPartialContent, http.StatusMovedPermanently:
		return 120 * time.Minute, true
	case http.StatusFound, http.StatusSeeOther:
		return 20 * time.Minute, true
	case http.StatusNotFound, http.StatusGone:
		return 3 * time.Minute, true
	}
	return 0, false
}

// originLifetime follows the origin's headers (page "Origin Cache Control").
func (r *response) originLifetime() (time.Duration, bool, *Verdict) {
	c, strict := r.control, r.settings.StrictOrigin()
	expires := r.header.Get("Expires")
	switch {
	case c.NoStore:
		return r.refuse(Bypassed, "the origin says no-store")
	case c.PrivatePresent && (len(c.Private) == 0 || !strict):
		return r.refuse(Bypassed, "the origin says private")
	case !r.controlled && expires == "" && r.settings.EdgeTTL != nil && r.settings.EdgeTTL.Mode == rules.BypassByDefault:
		return r.refuse(Bypassed, "the origin says nothing and the rule then bypasses")
	case r.asksEachTime() && !strict:
		return r.refuse(Bypassed, "the origin wants to be asked each time and Origin Cache Control is off")
	case r.asksEachTime() && r.header.Get("ETag") == "" && r.header.Get("Last-Modified") == "":
		return r.refuse(Bypassed, "the origin wants to be asked each time and sends neither ETag nor Last-Modified")
	case r.asksEachTime():
		return 0, false, nil
	}
	if fresh, found := r.explicitLifetime(expires); found {
		if fresh <= 0 || r.status >= 500 {
			return r.refuse(Bypassed, "the origin's lifetime is over or the status is %d", r.status)
		}
		return fresh, false, nil
	}
	fresh, cached := defaultTTL(r.status)
	if !cached {
		return r.refuse(Miss, "status %d is not cached by default", r.status)
	}
	return fresh, false, nil
}

// asksEachTime is true for what may be kept but never used without a question.
// no-cache with field names asks only if the response has one of them.
func (r *response) asksEachTime() bool {
	c := r.control
	if c.NoCachePresent && len(c.NoCache) == 0 || c.SMaxAge == 0 || c.SMaxAge < 0 && c.MaxAge == 0 {
		return true
	}
	for name := range c.NoCache {
		if r.header.Get(name) != "" || !r.settings.StrictOrigin() {
			return true
		}
	}
	return false
}

// explicitLifetime is s-maxage, max-age or Expires, less the age that the
// response has already (RFC 9111, sections 4.2.1 and 4.2.3).
func (r *response) explicitLifetime(expires string) (time.Duration, bool) {
	age, _ := strconv.Atoi(r.header.Get("Age"))
	c := r.control
	switch {
	case c.SMaxAge > 0:
		return seconds(c.SMaxAge) - seconds(age), true
	case c.MaxAge > 0:
		return seconds(c.MaxAge) - seconds(age), true
	case expires == "" || r.header.Get("Cdn-Cache-Control") != "" || r.header.Get("Cloudflare-Cdn-Cache-Control") != "":
		return 0, false
	}
	until, err := http.ParseTime(expires)
	if err != nil {
		return 0, true
	}
	sent, err := http.ParseTime(r.header.Get("Date"))
	if err != nil {
		sent = r.now
	}
	return until.Sub(sent) - seconds(age), true
}

// stale is how long an old response may be served (pages "Origin Cache
// Control" and "Revalidation"). Without a directive an origin that cannot be
// reached is covered without a limit, and nothing is served while it is asked.
func (r *response) stale() (whileRevalidating, ifError time.Duration) {
	c := r.control
	if r.settings.StrictOrigin() && (c.MustRevalidate || c.ProxyRevalidate || c.SMaxAge >= 0 || c.NoCachePresent) {
		return 0, 0
	}
	ifError = Forever
	if c.StaleIfError >= 0 {
		ifError = seconds(c.StaleIfError)
	}
	if s := r.settings.ServeStale; s == nil || !s.DisableStaleWhileUpdating {
		whileRevalidating = seconds(max(c.StaleWhileRevalidate, cacheobject.DeltaSeconds(0)))
	}
	return whileRevalidating, ifError
}
