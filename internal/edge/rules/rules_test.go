package rules

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/edge/expression"
)

// What the component makes by default, and with page rules.
const (
	defaults = "../../../components/cdn/testdata/edge"
	pages    = "../../../components/cdn/testdata/edge-page-rules"
	limited  = "../../../components/cdn/testdata/edge-limited"
)

func request(path string) *expression.Request {
	return &expression.Request{Method: "GET", Scheme: "http", Host: "h", Path: path, RawPath: path, Header: http.Header{}, Source: netip.Addr{}}
}

func writeRules(t *testing.T, dir, rules string) {
	t.Helper()
	content := fmt.Sprintf(`{"resources":{"a":{"properties":{"phase":"http_request_cache_settings","rules":[%s]}}}}`, rules)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "new"), []byte(content), 0o600))
	require.NoError(t, os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, rulesetFile)))
}

func TestTheComponentsDefaults(t *testing.T) {
	r, err := Load(defaults)
	require.NoError(t, err)
	require.Len(t, r.Rules, 5)
	require.Equal(t, ZoneSettings{CacheLevel: LevelStandard, BrowserCacheTTL: 86400}, r.Settings)
	for path, want := range map[string]struct {
		eligibility   Eligibility
		ref, cachedBy string
	}{
		"/static/a":        {Eligible, "static", "static"},
		"/images/a.png":    {Eligible, "images", "images"},
		"/STATIC/a":        {ByDefault, "", ""},
		"/Users/1":         {Bypass, "bypass-api", ""},
		"/static//a":       {Bypass, "bypass-authenticated", "static"},
		"/static/%2e%2e/a": {Bypass, "bypass-authenticated", "static"},
	} {
		s := r.Evaluate(request(path))
		require.Equal(t, want.eligibility, s.Eligibility, path)
		require.Equal(t, want.ref, s.Ref, path)
		require.Equal(t, want.cachedBy, s.CachedBy, path)
	}
}

func TestLoadRefusesWhatItWouldHaveToGuess(t *testing.T) {
	rule := func(expression, parameters string) string {
		return fmt.Sprintf(`{"ref":"a","action":"set_cache_settings","expression":%q,"actionParameters":%s}`, expression, parameters)
	}
	for content, want := range map[string]string{
		rule("tru", `{}`):                                                    "rules[0]: expression: position 0: unknown field tru in tru",
		rule("true", `{"caching":true}`):                                     `rules[0]: json: unknown field "caching"`,
		rule("true", `{"edgeTtl":{"mode":"sometimes"}}`):                     `rules[0]: actionParameters.edgeTtl.mode: "sometimes" is not`,
		rule("true", `{"edgeTtl":{"mode":"override_origin"}}`):               "edgeTtl.default goes with mode override_origin",
		rule("true", `{"browserTtl":{"mode":"respect_origin","default":1}}`): "browserTtl.default goes with mode override_origin",
		rule("true", `{"browserTtl":{"mode":"x"}}`):                          `browserTtl.mode: "x" is not`,
		rule("true", `{"cacheKey":{"customKey":{"user":{"geo":true}}}}`):     "does not know a visitor's country",
		`{"action":"redirect","expression":"true","actionParameters":{}}`:    `action "redirect" is not set_cache_settings`,
		`{"action":"set_cache_settings","expression":"true","ratelimit":{}}`: `unknown field "ratelimit"`,
	} {
		dir := t.TempDir()
		writeRules(t, dir, content)
		_, err := Load(dir)
		require.ErrorContains(t, err, want, content)
	}
	for file, want := range map[string]string{
		`ruleset.json {`: "unexpected end of JSON input",
		`ruleset.json {"resources":{"a":{"properties":{"phase":"http_request_transform","rules":[{}]}}}}`: "the phase http_request_transform is not evaluated here",
		`urlNormalizationSettings.json {"resources":{"a":{"properties":{"type":"all","scope":"both"}}}}`:  `type "all" with scope "both" is not known here`,
		`zoneSettingsOverride.json {"resources":{"a":{"properties":{"settings":{"cacheLevel":3}}}}}`:      "cannot unmarshal number",
	} {
		var name, content string
		_, err := fmt.Sscanf(file, "%s", &name)
		require.NoError(t, err)
		content = file[len(name)+1:]
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
		_, err = Load(dir)
		require.ErrorContains(t, err, want, file)
	}
}

func TestTheComponentsRateLimit(t *testing.T) {
	r, err := Load(limited)
	require.NoError(t, err)
	require.Len(t, r.Rules, 5)
	require.Len(t, r.Limits, 1)
	l := r.Limits[0]
	require.Equal(t, []any{"writes", true, 100, 10 * time.Second, 10 * time.Second}, []any{l.Ref, l.Enabled, l.Requests, l.Period, l.Timeout})
	for path, want := range map[string]bool{
		"/users/1": true, "/Users/1": true, "/login": true, "//users/1": true, "/;/users/1": true, "/%2fusers": true, `/\users`: true,
		"/static/a.css": false, "/": false, "/healthz": false,
	} {
		require.Equal(t, want, l.When.Matches(request(path)), path)
	}
}

func TestLoadRefusesLimitsItWouldHaveToGuess(t *testing.T) {
	rule := func(changes ...string) string {
		text := `{"ref":"a","action":"block","expression":"true","ratelimit":{"characteristics":["ip.src","cf.colo.id"],"period":10,"requestsPerPeriod":1,"mitigationTimeout":10}}`
		return strings.NewReplacer(changes...).Replace(text)
	}
	load := func(content string) error {
		dir := t.TempDir()
		text := fmt.Sprintf(`{"resources":{"a":{"properties":{"phase":"http_ratelimit","rules":[%s]}}}}`, content)
		require.NoError(t, os.WriteFile(filepath.Join(dir, rulesetFile), []byte(text), 0o600))
		_, err := Load(dir)
		return err
	}
	require.NoError(t, load(rule()))
	for content, want := range map[string]string{
		rule(`"block"`, `"challenge"`):                                   `rules[0]: action "challenge" is not block`,
		rule(`"true"`, `"tru"`):                                          "expression: position 0: unknown field tru",
		rule(`"ip.src",`, ``):                                            `ratelimit.characteristics: ["cf.colo.id"] are not`,
		rule(`"ip.src"`, `"http.host"`):                                  "ratelimit.characteristics",
		rule(`"period":10`, `"period":0`):                                "ratelimit.period: 0 is not at least 1",
		rule(`"requestsPerPeriod":1,`, ``):                               "ratelimit.requestsPerPeriod: 0 is not at least 1",
		rule(`"mitigationTimeout":10`, `"mitigationTimeout":0`):          "ratelimit.mitigationTimeout: 0 is not at least 1",
		rule(`"period"`, `"countingExpression":"ssl","period"`):          `unknown field "countingExpression"`,
		rule(`"ref":"a"`, `"ref":"a","actionParameters":{"cache":true}`): `unknown field "actionParameters"`,
	} {
		require.ErrorContains(t, load(content), want, content)
	}
}

func TestTheComponentsPageRules(t *testing.T) {
	r, err := Load(pages)
	require.NoError(t, err)
	require.Empty(t, r.Rules)
	require.Equal(t, 6, r.Count())
	require.True(t, r.Normalization.ToOrigin())
	for path, want := range map[string]struct {
		eligibility Eligibility
		ref         string
	}{
		"/static/a":         {Eligible, "h.test/static/*"},
		"/STATIC/a":         {Eligible, "h.test/static/*"},
		"/images/a.png":     {Eligible, "h.test/images/*"},
		"/users/1":          {Bypass, "h.test/*"},
		"/favicon.ico":      {Bypass, "h.test/*"},
		"/static/..%2Fa":    {Bypass, "h.test/*%*"},
		"/static/..;/users": {Bypass, "h.test/*;*"},
	} {
		visitor := request(path)
		visitor.Host = "www.example.com"
		s := r.Evaluate(visitor)
		require.Equal(t, want.eligibility, s.Eligibility, path)
		require.Equal(t, strings.Replace(want.ref, "h.test", "www.example.com", 1), s.Ref, path)
	}
	other := request("/static/a")
	s := r.Evaluate(other)
	require.Equal(t, ByDefault, s.Eligibility, "another host has other rules")
}

func TestLoadRefusesPageRulesItWouldHaveToGuess(t *testing.T) {
	rule := func(target, actions string) string {
		return fmt.Sprintf(`"a":{"properties":{"target":%q,"priority":1,"actions":%s}}`, target, actions)
	}
	for resources, want := range map[string]string{
		rule("h.test/*", `{"forwardingUrl":{}}`):                                 `unknown field "forwardingUrl"`,
		rule("h.test/*", `{"cacheLevel":"some"}`):                                `actions.cacheLevel: "some" is not known`,
		rule("h.test/*", `{"browserCacheTtl":"1d"}`):                             `actions.browserCacheTtl: "1d" is not a number of seconds`,
		rule("h.test/*", `{"cacheTtlByStatuses":[{"codes":"4xx","ttl":1}]}`):     `"4xx" is not a status code or a range`,
		rule("h.test/*", `{"cacheTtlByStatuses":[{"codes":"499-400","ttl":1}]}`): `"499-400" is not a status code or a range`,
		rule("h.test/*", `{"cacheKeyFields":{"cookie":{}}}`):                     `unknown field "cookie"`,
		rule("h.test/*", `{"cacheKeyFields":{"user":{"geo":true}}}`):             "does not know a visitor's country",
		rule("h.test", `{}`):         "target: no path after a host name in h.test",
		rule("ftp://h.test/*", `{}`): `the scheme "ftp" is not http or https`,
		rule("h.test/**", `{}`):      "two * in a row",
		rule("h.test/a", `{}`) + "," + strings.Replace(rule("h.test/b", `{}`), "a", "b", 1): "have one priority, 1",
	} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, pageRuleFile), []byte(`{"resources":{`+resources+`}}`), 0o600))
		_, err := Load(dir)
		require.ErrorContains(t, err, want, resources)
	}
}

func TestPatternsWithPorts(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, pageRuleFile),
		[]byte(`{"resources":{"a":{"properties":{"target":"h.test:8443/*","priority":2}},"b":{"properties":{"target":"http://h.test/*","priority":1}}}}`), 0o600))
	r, err := Load(dir)
	require.NoError(t, err)
	for host, want := range map[string][]bool{"h.test": {false, true}, "h.test:8443": {true, true}, "h.test:80": {false, true}, "other.test": {false, false}} {
		visitor := request("/a")
		visitor.Host = host
		require.Equal(t, want, []bool{r.Pages[0].Matches(visitor), r.Pages[1].Matches(visitor)}, host)
		visitor.Scheme = "https"
		require.False(t, r.Pages[1].Matches(visitor), host)
	}
}

// A pattern matches what it is when nothing in it is a star, whatever the case,
// and never another host's URL.
func FuzzPageTarget(f *testing.F) {
	f.Add("www.example.com/static/*", "/static/a.css")
	f.Fuzz(func(t *testing.T, target, path string) {
		raw, err := json.Marshal(map[string]any{"target": target, "priority": 1, "actions": map[string]any{"cacheLevel": "bypass"}})
		require.NoError(t, err)
		p, err := compilePage(raw)
		if err != nil {
			return
		}
		if strings.ContainsAny(target, `*:\`) || !utf8.ValidString(target) {
			p.Matches(request(path))
			return
		}
		host, rest, _ := strings.Cut(target, "/")
		own := request("/" + rest)
		own.Host = host
		require.True(t, p.Matches(own), "%q does not match itself", target)
		own.Host = host + ".other"
		require.False(t, p.Matches(own), "%q matches another host", target)
	})
}

// What a person changed in the zone counts, not what was applied.
func TestTheZonesOwnValuesWin(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	write(settingsFile, `{"resources":{"a":{"properties":{"settings":{"cacheLevel":"basic","browserCacheTtl":60}}}}}`)
	r, err := Load(dir)
	require.NoError(t, err)
	require.Equal(t, ZoneSettings{CacheLevel: "basic", BrowserCacheTTL: 60}, r.Settings)

	write(zoneFile, `{"values":{"zoneSettingsOverride":{"cacheLevel":"simplified"},"urlNormalizationSettings":{"scope":"both"}}}`)
	r, err = Load(dir)
	require.NoError(t, err)
	require.Equal(t, ZoneSettings{CacheLevel: "simplified"}, r.Settings)
	require.True(t, r.Normalization.ToOrigin())

	write(zoneFile, `{"values":3}`)
	_, err = Load(dir)
	require.ErrorContains(t, err, "zone.json: json: cannot unmarshal number")
}

func TestZones(t *testing.T) {
	dir := t.TempDir()
	r, err := Load(dir)
	require.NoError(t, err, "a zone that nothing was applied to yet has the defaults")
	require.Empty(t, r.Rules)
	for _, zone := range []string{"one", "two"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, zone), 0o700))
	}
	_, err = Load(dir)
	require.ErrorContains(t, err, `holds 2 zones, name the folder of one: ["one" "two"]`)
	r, err = Load(filepath.Join(dir, "two"))
	require.NoError(t, err)
	require.Equal(t, "two", r.Zone)
	_, err = Load(filepath.Join(dir, "three"))
	require.Error(t, err)
}

func TestStatusTTLs(t *testing.T) {
	at := func(n int) *int { return &n }
	ttl := &EdgeTTL{StatusCodeTTLs: []StatusTTL{
		{StatusCode: at(404), Value: 1}, {StatusCodeRanges: []StatusRange{{To: at(299)}}, Value: 2},
		{StatusCodeRanges: []StatusRange{{From: at(300), To: at(399)}}, Value: 3}, {StatusCodeRanges: []StatusRange{{From: at(500)}}, Value: -1},
	}}
	for status, want := range map[int]int{404: 1, 200: 2, 301: 3, 500: -1, 599: -1} {
		got, found := ttl.For(status)
		require.True(t, found)
		require.Equal(t, want, got)
	}
	_, found := ttl.For(403)
	require.False(t, found)
	_, found = (*EdgeTTL)(nil).For(200)
	require.False(t, found)
}

func TestRulesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	rule := `{"ref":%q,"action":"set_cache_settings","expression":"true","actionParameters":{"cache":false}}`
	writeRules(t, dir, fmt.Sprintf(rule, "one"))
	live, err := Open(dir)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go live.Watch(ctx, time.Millisecond)
	current := func() string { s := live.Current().Evaluate(request("/")); return s.Ref }
	require.Equal(t, "one", current())
	writeRules(t, dir, fmt.Sprintf(rule, "second"))
	require.Eventually(t, func() bool { return current() == "second" }, 5*time.Second, time.Millisecond)
	writeRules(t, dir, `{"expression":"nonsense"}`)
	require.Eventually(t, func() bool { return live.Err() != nil }, 5*time.Second, time.Millisecond)
	require.Equal(t, "second", current(), "the last good rules stay in force")
	writeRules(t, dir, fmt.Sprintf(rule, "third"))
	require.Eventually(t, func() bool { return current() == "third" && live.Err() == nil }, 5*time.Second, time.Millisecond)
}
