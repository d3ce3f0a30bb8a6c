package cache_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The component's rate limit in front of an origin: an address may send 100 requests
// to the API in ten seconds.
func TestTheRateLimitOfTheComponent(t *testing.T) {
	b := newBench(t, "../../../components/cdn/testdata/edge-limited", say("a"))
	for i := range 100 {
		path := []string{"/users/7", "/USERS/8", "//users/9", "/login", "/%75sers/1"}[i%5]
		require.Equal(t, http.StatusOK, b.send("POST", path, "x").status, path)
	}
	got := b.get("/users/7")
	require.Equal(t, http.StatusTooManyRequests, got.status)
	require.Empty(t, got.cache, "the cache was not asked")
	require.Equal(t, "10", got.header.Get("Retry-After"))
	require.Equal(t, "writes", got.header.Get("X-Edge-Rule"))
	require.Equal(t, "private, no-store", got.header.Get("Cache-Control"))
	require.EqualValues(t, 100, b.asked.Load(), "the origin is left alone")

	require.Equal(t, http.StatusOK, b.get("/static/app.css").status, "what is cached is no write")
	b.wait(9 * time.Second)
	require.Equal(t, http.StatusTooManyRequests, b.get("/users/7").status)
	b.wait(time.Second)
	require.Equal(t, http.StatusOK, b.get("/users/7").status)
}
