//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// edge is where make up puts its stand-in for Cloudflare's edge.
const edge = "http://127.0.0.1:18088"

func throughEdge(t *testing.T, path string, headers ...string) (status int, cache, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, edge+path, nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, response.Header.Get("cf-cache-status"), string(text)
}

func TestSecondStaticFileIsAHit(t *testing.T) {
	path := fmt.Sprintf("/static/app.css?run=%d", time.Now().UnixNano())
	status, first, _ := throughEdge(t, path)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "MISS", first)
	_, second, _ := throughEdge(t, path)
	require.Equal(t, "HIT", second)
}

// However a user's path is spelled, the edge keeps no copy of the page.
func TestUserPagesAreNeverCached(t *testing.T) {
	c := newClient(t)
	require.NoError(t, c.put(77, profile{Name: "private", Email: "private@example.com"}))
	for _, path := range []string{
		"/users/77", "/USERS/77", "//users/77", "/users/77;.css", "/users/77%2f.css", "/static/..%2fusers/77", "/static/%2e%2e/users/77",
		"/users/77?x=.css", "/./users/77", "/static//../users/77",
	} {
		for range 2 {
			_, cache, body := throughEdge(t, path)
			require.NotEqual(t, "HIT", cache, path)
			if cache == "MISS" {
				require.NotContains(t, body, "private@example.com", path)
			}
		}
	}
}
