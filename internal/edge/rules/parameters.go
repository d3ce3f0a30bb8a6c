package rules

import (
	"fmt"
	"slices"
)

// The modes of lifetimes, as the API spells them.
const (
	OverrideOrigin  = "override_origin"
	RespectOrigin   = "respect_origin"
	BypassByDefault = "bypass_by_default"
	// BypassBrowser is the browser lifetime's name for "do not keep".
	BypassBrowser = "bypass"
)

// Parameters are the settings of one rule, named as in the Pulumi SDK. What a
// rule leaves out is nil and left to earlier rules.
type Parameters struct {
	Cache              *bool       `json:"cache"`
	EdgeTTL            *EdgeTTL    `json:"edgeTtl"`
	BrowserTTL         *BrowserTTL `json:"browserTtl"`
	CacheKey           *CacheKey   `json:"cacheKey"`
	ServeStale         *ServeStale `json:"serveStale"`
	RespectStrongETags *bool       `json:"respectStrongEtags"`
	OriginCacheControl *bool       `json:"originCacheControl"`

	// These say nothing about what one edge in one place answers.
	AdditionalCacheablePorts []int          `json:"additionalCacheablePorts"`
	CacheReserve             map[string]any `json:"cacheReserve"`
	OriginErrorPagePassthru  *bool          `json:"originErrorPagePassthru"`
	ReadTimeout              *int           `json:"readTimeout"`
}

// EdgeTTL is how long the edge keeps a response, in seconds.
type EdgeTTL struct {
	Mode           string      `json:"mode"`
	Default        *int        `json:"default"`
	StatusCodeTTLs []StatusTTL `json:"statusCodeTtls"`
}

// StatusTTL is the lifetime of some status codes: 0 revalidates each time and
// -1 keeps nothing.
type StatusTTL struct {
	StatusCode       *int          `json:"statusCode"`
	StatusCodeRanges []StatusRange `json:"statusCodeRanges"`
	Value            int           `json:"value"`
}

// StatusRange is a range of status codes, open where an end is nil.
type StatusRange struct {
	From *int `json:"from"`
	To   *int `json:"to"`
}

// For returns the lifetime of a status code if one is set for it.
func (e *EdgeTTL) For(status int) (seconds int, found bool) {
	if e == nil {
		return 0, false
	}
	for _, t := range e.StatusCodeTTLs {
		if t.StatusCode != nil && *t.StatusCode == status || slices.ContainsFunc(t.StatusCodeRanges, func(r StatusRange) bool {
			return (r.From == nil || *r.From <= status) && (r.To == nil || status <= *r.To)
		}) {
			return t.Value, true
		}
	}
	return 0, false
}

// BrowserTTL is how long browsers keep a response, in seconds.
type BrowserTTL struct {
	Mode    string `json:"mode"`
	Default *int   `json:"default"`
}

// ServeStale limits what is served after its time.
type ServeStale struct {
	DisableStaleWhileUpdating bool `json:"disableStaleWhileUpdating"`
}

// CacheKey says what distinguishes one cached object from another.
type CacheKey struct {
	CacheByDeviceType       bool       `json:"cacheByDeviceType"`
	CacheDeceptionArmor     bool       `json:"cacheDeceptionArmor"`
	IgnoreQueryStringsOrder bool       `json:"ignoreQueryStringsOrder"`
	CustomKey               *CustomKey `json:"customKey"`
}

// CustomKey chooses the parts of a key.
type CustomKey struct {
	QueryString *Names     `json:"queryString"`
	Header      *HeaderKey `json:"header"`
	Cookie      *CookieKey `json:"cookie"`
	User        *UserKey   `json:"user"`
	Host        *HostKey   `json:"host"`
}

// Names are query parameters; "*" stands for all.
type Names struct {
	Includes []string `json:"includes"`
	Excludes []string `json:"excludes"`
}

// HeaderKey chooses request headers.
type HeaderKey struct {
	Includes       []string            `json:"includes"`
	CheckPresences []string            `json:"checkPresences"`
	ExcludeOrigin  bool                `json:"excludeOrigin"`
	Contains       map[string][]string `json:"contains"`
}

// CookieKey chooses cookies.
type CookieKey struct {
	Includes       []string `json:"includes"`
	CheckPresences []string `json:"checkPresences"`
}

// UserKey chooses what is known of the visitor.
type UserKey struct {
	DeviceType bool `json:"deviceType"`
	Geo        bool `json:"geo"`
	Lang       bool `json:"lang"`
}

// HostKey chooses the host name.
type HostKey struct {
	Resolved bool `json:"resolved"`
}

// check refuses what this edge would have to guess.
func (p *Parameters) check() error {
	if t := p.EdgeTTL; t != nil {
		if !slices.Contains([]string{OverrideOrigin, RespectOrigin, BypassByDefault}, t.Mode) {
			return fmt.Errorf("edgeTtl.mode: %q is not %s, %s or %s", t.Mode, OverrideOrigin, RespectOrigin, BypassByDefault)
		}
		if (t.Mode == OverrideOrigin) != (t.Default != nil) {
			return fmt.Errorf("edgeTtl.default goes with mode %s, and with it alone", OverrideOrigin)
		}
	}
	if t := p.BrowserTTL; t != nil {
		if !slices.Contains([]string{OverrideOrigin, RespectOrigin, BypassBrowser, BypassByDefault}, t.Mode) {
			return fmt.Errorf("browserTtl.mode: %q is not %s, %s or %s", t.Mode, OverrideOrigin, RespectOrigin, BypassBrowser)
		}
		if (t.Mode == OverrideOrigin) != (t.Default != nil) {
			return fmt.Errorf("browserTtl.default goes with mode %s, and with it alone", OverrideOrigin)
		}
	}
	if k := p.CacheKey; k != nil && k.CustomKey != nil && k.CustomKey.User != nil && k.CustomKey.User.Geo {
		return fmt.Errorf("cacheKey.customKey.user.geo: the local edge does not know a visitor's country")
	}
	return nil
}
