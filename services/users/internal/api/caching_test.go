package api

import (
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/services/users/internal/users"
)

func TestAssets(t *testing.T) {
	a := newAPI(&fake{})
	response := call(a, "GET", "/static/app.css", "")
	require.Equal(t, http.StatusOK, response.Code)
	require.Contains(t, response.Header().Get("Cache-Control"), "public, max-age=")
	require.NotContains(t, response.Header().Get("Cache-Control"), "no-store")

	head := call(a, "HEAD", "/js/app.js", "")
	require.Equal(t, http.StatusOK, head.Code)
	require.Equal(t, "text/javascript; charset=utf-8", head.Header().Get("Content-Type"))
	requireMeasured(t, a, map[string]string{"code": "200", "method": "GET", "route": "/static/"})
}

// What is not an asset is nobody's to keep, whatever comes of it.
func TestNothingElseMayBeCached(t *testing.T) {
	f := &fake{answer: users.Answer{User: &users.User{ID: 7}, Shard: "shard-3"}, version: 2}
	a := newAPI(f)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/users/7", 200}, {"PUT", "/users/7", 200}, {"GET", "/users/x", 400}, {"GET", "/users/7.css", 400},
		{"GET", "/static/none.css", 404}, {"GET", "/static/", 404}, {"GET", "/images/%2e%2e/users/7", 404},
		{"POST", "/static/app.css", 405}, {"DELETE", "/users/7", 204}, {"POST", "/users", 201}, {"PATCH", "/users/7", 405}, {"GET", "/none", 404},
		{"GET", "/static/../users/7", 307}, {"GET", "/healthz", 404}, {"GET", "/readyz", 404}, {"GET", "/metrics", 404},
	} {
		response := call(a, c.method, c.path, good)
		require.Equal(t, c.status, response.Code, "%s %s", c.method, c.path)
		require.Equal(t, []string{"private, no-store"}, response.Header().Values("Cache-Control"), "%s %s", c.method, c.path)
		require.Empty(t, response.Header().Values("Set-Cookie"))
	}
	f.err = errors.New("broken")
	require.Equal(t, "private, no-store", call(a, "GET", "/users/7", "").Header().Get("Cache-Control"))
}
