package cache_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/edge/analytics"
	"github.com/scalestack/scalestack/internal/zoneapi"
)

// The product's own client reads what the emulator says.
func TestAnalytics(t *testing.T) {
	dir := writeZone(t, "")
	b := newBench(t, dir, say("a"))
	begin := b.clock()
	for _, target := range []string{"/static/a.css", "/static/a.css", "/static/b%20c.css", "/other.css", "/api"} {
		b.get(target)
	}
	b.wait(time.Minute)
	b.get("/static/a.css")
	b.wait(time.Second)
	api := httptest.NewServer(b.edge.Admin(func() error { return nil }))
	t.Cleanup(api.Close)
	count := func(zone, path string, from, to time.Time) (analytics.Counts, error) {
		client := zoneapi.New(zoneapi.Options{Zone: zone, Token: "any", API: api.URL + "/client/v4"})
		return analytics.Count(t.Context(), client, path, from, to)
	}
	zone := filepath.Base(dir)
	for _, c := range []struct {
		path     string
		from, to time.Time
		want     analytics.Counts
	}{
		{"/static/*", begin, begin.Add(time.Minute), analytics.Counts{"hit": 1, "miss": 2}},
		{"/static/*", begin, b.clock(), analytics.Counts{"hit": 2, "miss": 2}},
		{"/static/*", begin.Add(time.Second), b.clock(), analytics.Counts{"hit": 1}},
		{"/api", begin, b.clock(), analytics.Counts{"dynamic": 1}},
		{"/stat*", begin, b.clock(), analytics.Counts{"hit": 2, "miss": 2}},
		{"/nothing/*", begin, b.clock(), analytics.Counts{}},
	} {
		counts, err := count(zone, c.path, c.from, c.to)
		require.NoError(t, err)
		require.Equal(t, c.want, counts, c.path)
	}
	_, err := count("another", "/static/*", begin, b.clock())
	require.ErrorContains(t, err, "the API knows no zone another")
	_, err = count(zone, "/static/*", b.clock(), begin)
	require.ErrorContains(t, err, "is not before datetime_lt")
	_, err = count(zone, "/static/*", begin.Add(-time.Hour), b.clock())
	require.ErrorContains(t, err, "cannot request data older than 900s")
	b.wait(time.Hour)
	b.get("/api")
	b.wait(time.Second)
	counts, err := count(zone, "/*", b.clock().Add(-15*time.Minute), b.clock())
	require.NoError(t, err)
	require.Equal(t, analytics.Counts{"dynamic": 1}, counts)
}

func TestAnalyticsRefuse(t *testing.T) {
	b := newBench(t, writeZone(t, ""), say("a"))
	ask := func(authorization, body string) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/client/v4/graphql", strings.NewReader(body))
		r.Header.Set("Authorization", authorization)
		b.edge.Admin(func() error { return nil }).ServeHTTP(w, r)
		return w
	}
	require.Equal(t, http.StatusForbidden, ask("", `{}`).Code)
	require.Equal(t, http.StatusForbidden, ask("Bearer ", `{}`).Code)
	require.Equal(t, http.StatusBadRequest, ask("Bearer a", `{`).Code)
	other := ask("Bearer a", `{"query":"{ viewer { zones { name } } }"}`)
	require.Equal(t, http.StatusOK, other.Code)
	require.Contains(t, other.Body.String(), "knows the query of edge watch and no other")
}
