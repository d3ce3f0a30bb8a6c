package api

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHome(t *testing.T) {
	a := newAPI(&fake{})
	response := call(a, "GET", "/", "")
	require.Equal(t, http.StatusOK, response.Code)
	require.Equal(t, "text/html; charset=utf-8", response.Header().Get("Content-Type"))
	require.Contains(t, response.Header().Get("Content-Security-Policy"), "default-src 'none'")

	page := response.Body.String()
	files := regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(page, -1)
	require.Len(t, files, 4)
	for _, file := range files {
		answer := call(a, "GET", file[1], "")
		require.Equal(t, http.StatusOK, answer.Code, file[1])
		require.Contains(t, answer.Header().Get("Cache-Control"), "immutable", file[1])
	}
	// The policy forbids both.
	require.NotRegexp(t, `(?s)<script[^>]*>[^<]|<style|\son\w+=|\sstyle=`, page)
	requireMeasured(t, a, map[string]string{"code": "200", "method": "GET", "route": "/{$}"})
}

// Whoever needs a token is asked for one.
func TestHomeAsksForAToken(t *testing.T) {
	require.NotContains(t, call(newAPI(&fake{}), "GET", "/", "").Body.String(), `name="token"`)
	closed := apiWith(&fake{}, Access{})
	require.Contains(t, call(closed, "GET", "/", "").Body.String(), `name="token"`)
}
