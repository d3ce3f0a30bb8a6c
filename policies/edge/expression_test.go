package edge

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEvaluate(t *testing.T) {
	for expression, want := range map[string]verdict{
		`starts_with(http.request.uri.path, "/users")`:                     no,
		`starts_with(lower(http.request.uri.path), "/users")`:              yes,
		`not starts_with(lower(http.request.uri.path), "/users")`:          no,
		`http.request.uri.path eq "/Users/7.CSS"`:                          yes,
		`http.request.uri.path ne "/Users/7.CSS"`:                          no,
		`http.request.uri.path contains "/7"`:                              yes,
		`http.request.uri.path.extension in {"css" "js"}`:                  yes,
		`http.request.uri.path.extension in {"png"}`:                       no,
		`ends_with(upper(http.request.uri.path), ".CSS")`:                  yes,
		`any(http.request.headers["authorization"][*] ne "")`:              no,
		`any(http.request.headers["cookie"][*] contains "session")`:        maybe,
		`http.host eq "example.com"`:                                       maybe,
		`http.host eq "example.com" and http.request.uri.path eq "/"`:      no,
		`http.host eq "example.com" or http.request.uri.path contains "7"`: yes,
		`not http.host eq "example.com"`:                                   maybe,
		`(true and (false or true))`:                                       yes,
		`http.request.uri.path matches "^/x"`:                              maybe,
		`starts_with(http.request.uri.path`:                                maybe,
		`starts_with(http.request.uri.path, "a \"quoted\" \\ word")`:       no,
		``:                           maybe,
		`)`:                          maybe,
		`any(`:                       maybe,
		`http.request.uri.path in {`: maybe,
	} {
		require.Equal(t, want, evaluate(expression, request{path: "/Users/7.CSS"}), expression)
	}
	require.Equal(t, yes, evaluate(`any(http.request.headers["authorization"][*] ne "")`, request{path: "/", authorized: true}))
}

func FuzzEvaluate(f *testing.F) {
	f.Add(`(starts_with(lower(http.request.uri.path), "/api") or any(http.request.headers["authorization"][*] ne ""))`)
	f.Add(`not (http.request.uri.path.extension in {"css" "js"})`)
	f.Fuzz(func(t *testing.T, expression string) { evaluate(expression, request{path: "/api"}) })
}
