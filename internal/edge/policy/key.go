package policy

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/scalestack/scalestack/internal/edge/expression"
	"github.com/scalestack/scalestack/internal/edge/rules"
)

// keyHeaders belong to every key, because origins change their answers for
// them (page "Cache keys").
// Their names are in the form that http.Header keeps.
var keyHeaders = []string{
	"X-Http-Method-Override", "X-Http-Method", "X-Method-Override", "X-Forwarded-Host", "X-Host", "X-Original-Url",
	"X-Rewrite-Url", "Forwarded",
}

// Key identifies the object that answers the request. Each part is written
// with its length, so that no two different lists of parts make one key.
func Key(r *expression.Request, s *rules.Settings) string {
	k := &keyWriter{}
	k.add("url", r.Scheme, r.Host, r.Path)
	k.add("query", keyQuery(r, s)...)
	custom := &rules.CustomKey{}
	if s.CacheKey != nil && s.CacheKey.CustomKey != nil {
		custom = s.CacheKey.CustomKey
	}
	if custom.Header == nil || !custom.Header.ExcludeOrigin {
		k.header(r, "Origin")
	}
	for _, name := range keyHeaders {
		if values := r.Header[name]; len(values) > 0 {
			k.header(r, name)
		}
	}
	if scheme := r.Header.Get("X-Forwarded-Scheme"); scheme != "http" && scheme != "https" {
		k.header(r, "X-Forwarded-Scheme")
	}
	k.custom(r, custom)
	if s.CacheKey != nil && s.CacheKey.CacheByDeviceType {
		k.add("device", device(r))
	}
	return k.String()
}

type keyWriter struct{ strings.Builder }

// add leaves out what a request lacks: most keys are short.
func (k *keyWriter) add(name string, parts ...string) {
	if len(parts) == 0 {
		return
	}
	k.part(name)
	k.WriteString(strconv.Itoa(len(parts)))
	for _, p := range parts {
		k.part(p)
	}
}

func (k *keyWriter) part(s string) {
	k.WriteByte(' ')
	k.WriteString(strconv.Itoa(len(s)))
	k.WriteByte(':')
	k.WriteString(s)
}

func (k *keyWriter) header(r *expression.Request, name string) {
	if values := r.Header[http.CanonicalHeaderKey(name)]; len(values) > 0 {
		k.add(strings.ToLower(name), values...)
	}
}

func (k *keyWriter) custom(r *expression.Request, custom *rules.CustomKey) {
	if h := custom.Header; h != nil {
		for _, name := range sorted(h.Includes) {
			k.header(r, name)
		}
		for _, name := range sorted(h.CheckPresences) {
			k.add("has-header", strings.ToLower(name), strconv.FormatBool(len(r.Header.Values(name)) > 0))
		}
		for _, name := range sorted(mapKeys(h.Contains)) {
			for _, part := range sorted(h.Contains[name]) {
				k.add("contains", strings.ToLower(name), part,
					strconv.FormatBool(strings.Contains(strings.Join(r.Header.Values(name), ","), part)))
			}
		}
	}
	if c := custom.Cookie; c != nil {
		cookies := (&http.Request{Header: r.Header}).Cookies()
		for _, name := range sorted(c.Includes) {
			k.add("cookie", append([]string{name}, cookieValues(cookies, name)...)...)
		}
		for _, name := range sorted(c.CheckPresences) {
			k.add("has-cookie", name, strconv.FormatBool(len(cookieValues(cookies, name)) > 0))
		}
	}
	if u := custom.User; u != nil {
		if u.DeviceType {
			k.add("device", device(r))
		}
		if u.Lang {
			k.add("lang", language(r))
		}
	}
}

func cookieValues(cookies []*http.Cookie, name string) []string {
	var values []string
	for _, c := range cookies {
		if c.Name == name {
			values = append(values, c.Value)
		}
	}
	return values
}

// device sorts visitors by their user agent into the three classes that
// Cloudflare has; its own sorting is not public.
func device(r *expression.Request) string {
	agent := strings.ToLower(r.Header.Get("User-Agent"))
	switch {
	case strings.Contains(agent, "ipad") || strings.Contains(agent, "tablet"):
		return "tablet"
	case strings.Contains(agent, "mobi"):
		return "mobile"
	}
	return "desktop"
}

func language(r *expression.Request) string {
	first := r.Header.Get("Accept-Language")
	if end := strings.IndexAny(first, ",;-"); end >= 0 {
		first = first[:end]
	}
	return strings.ToLower(strings.TrimSpace(first))
}

// keyQuery returns the parameters that belong to the key.
func keyQuery(r *expression.Request, s *rules.Settings) []string {
	if r.Query == "" || IgnoresQuery(r, s) {
		return nil
	}
	parameters := strings.Split(r.Query, "&")
	if names := queryNames(s); names != nil {
		parameters = slices.DeleteFunc(parameters, func(p string) bool {
			name := parameterName(p)
			return len(names.Includes) > 0 && !listed(names.Includes, name) || listed(names.Excludes, name)
		})
	}
	if s.Zone.SortQueryStringForCache == "on" || s.CacheKey != nil && s.CacheKey.IgnoreQueryStringsOrder {
		slices.Sort(parameters)
	}
	return parameters
}

// IgnoresQuery reports whether the query string is no part of the key.
func IgnoresQuery(r *expression.Request, s *rules.Settings) bool {
	if names := queryNames(s); names != nil {
		return slices.Contains(names.Excludes, "*")
	}
	return s.Zone.CacheLevel == rules.LevelIgnoringQuery && Static(r)
}

func queryNames(s *rules.Settings) *rules.Names {
	if s.CacheKey == nil || s.CacheKey.CustomKey == nil {
		return nil
	}
	return s.CacheKey.CustomKey.QueryString
}

func listed(names []string, name string) bool {
	return slices.Contains(names, name) || slices.Contains(names, "*")
}

// parameterName decodes the name as an origin would: an encoded letter must
// not make a parameter another one.
func parameterName(parameter string) string {
	name, _, _ := strings.Cut(parameter, "=")
	if plain, err := url.QueryUnescape(name); err == nil {
		return plain
	}
	return name
}

func sorted(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return names
}

func mapKeys(m map[string][]string) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	return names
}
