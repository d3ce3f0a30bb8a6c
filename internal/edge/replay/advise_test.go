package replay

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/edge/expression"
	"github.com/scalestack/scalestack/internal/edge/rules"
)

// everyHours is a log in which each request is made once in so many hours, for a day.
func everyHours(requests map[string]int) string {
	var log strings.Builder
	for hour := range 24 {
		for request, every := range requests {
			if hour%every == 0 {
				log.WriteString(entry(time.Duration(hour)*time.Hour, request))
			}
		}
	}
	return log.String()
}

func get(target string) string { return fmt.Sprintf(`"GET %s HTTP/1.1" 200 100`, target) }

func TestAdvice(t *testing.T) {
	for name, c := range map[string]struct {
		requests map[string]int
		want     []string
	}{
		"files by extension": {map[string]int{get("/a/x.png"): 2, get("/b/y.css"): 3, get("/z.ico"): 24},
			[]string{"18 a rule {ref: files, extensions: [css, png], edgeTtl: 2592000}"}},
		"pages": {map[string]int{get("/blog/1"): 1, get("/"): 1, get("/about"): 1},
			[]string{"12 a rule {ref: about, path: /about, edgeTtl: 7200}", "12 a rule {ref: blog, path: /blog/*, edgeTtl: 7200}", "12 a rule {ref: home, path: /, edgeTtl: 7200}"}},
		"query strings of a rule": {map[string]int{get("/static/a.css?1"): 24, get("/static/a.css?2"): 24, get("/static/a.css"): 24},
			[]string{"2 query: {mode: ignore} in the rule static"}},
		"what is personal":      {map[string]int{get("/users/1"): 1, get("//x/"): 1, `"POST /form HTTP/1.1" 200 1`: 1}, nil},
		"errors are not kept":   {map[string]int{`"GET /gone/1 HTTP/1.1" 404 1`: 1}, nil},
		"one of each is no hit": {map[string]int{get("/a/x.png"): 24, get("/blog/1"): 24}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Run(strings.NewReader(everyHours(c.requests)), options(t))
			require.NoError(t, err)
			var got []string
			for _, one := range r.Advice {
				require.InDelta(t, float64(one.Gain)/float64(r.All.Requests), one.Points, 1e-9)
				got = append(got, fmt.Sprint(one.Gain, " ", one.Setting))
			}
			require.Equal(t, c.want, got)
		})
	}
}

// A visitor who is logged in shows that a path is not the same for everyone.
func TestNothingIsAdvisedForVisitorsWhoAreLoggedIn(t *testing.T) {
	r, err := Run(strings.NewReader(strings.ReplaceAll(everyHours(map[string]int{get("/blog/1"): 1}), " - - ", " - me ")), options(t))
	require.NoError(t, err)
	require.Empty(t, r.Advice)
}

// The gain is what the log gives with the setting: the rule that is advised for files,
// written down and replayed.
func TestAnAdvisedRuleKeepsItsPromise(t *testing.T) {
	log := generated(t, 20_000)
	before, err := Run(bytes.NewReader(log), options(t))
	require.NoError(t, err)
	require.NotEmpty(t, before.Advice)
	best := before.Advice[0]
	require.Equal(t, "a rule {ref: products, path: /products/*, edgeTtl: 7200}", best.Setting)

	with := options(t)
	with.Rules.Rules = append([]rules.Rule{productRule(t)}, with.Rules.Rules...)
	after, err := Run(bytes.NewReader(log), with)
	require.NoError(t, err)
	require.Equal(t, before.All.Cached+best.Gain, after.All.Cached)
	require.InDelta(t, best.Points, after.All.Ratio()-before.All.Ratio(), 1e-9)

	var text bytes.Buffer
	require.NoError(t, before.Write(&text))
	require.Contains(t, text.String(), fmt.Sprintf("1. a rule {ref: products, path: /products/*, edgeTtl: 7200}\n     + %.1f points (%d requests", best.Points*100, best.Gain))
}

func productRule(t *testing.T) rules.Rule {
	t.Helper()
	when, err := expression.Compile(`starts_with(http.request.uri.path, "/products/")`)
	require.NoError(t, err)
	var said rules.Settings
	cache(&said, pageTTL)
	yes := true
	return rules.Rule{Ref: "products", Enabled: true, When: when, Set: rules.Parameters{Cache: &yes, EdgeTTL: said.EdgeTTL}}
}

// What a rate limit ends never reaches the cache.
func TestTheRateLimitInALog(t *testing.T) {
	o := options(t)
	limited, err := rules.Load("../../../components/cdn/testdata/edge-limited")
	require.NoError(t, err)
	o.Rules = limited
	r, err := Run(strings.NewReader(strings.Repeat(entry(0, get("/users/1")), 150)+entry(0, get("/static/a.css"))), o)
	require.NoError(t, err)
	require.EqualValues(t, 50, r.Blocked)
	require.EqualValues(t, 101, r.All.Requests)
	var text bytes.Buffer
	require.NoError(t, r.Write(&text))
	require.Contains(t, text.String(), "50 requests would have been blocked")
}
