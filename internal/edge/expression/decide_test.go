package expression

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const authorized = `any(http.request.headers["authorization"][*] ne "")`

func TestDecide(t *testing.T) {
	for expression, want := range map[string]Verdict{
		`starts_with(http.request.uri.path, "/users")`:                     No,
		`starts_with(lower(http.request.uri.path), "/users")`:              Yes,
		`not starts_with(lower(http.request.uri.path), "/users")`:          No,
		`http.request.uri.path eq "/Users/7.CSS"`:                          Yes,
		`http.request.uri.path ne "/Users/7.CSS"`:                          No,
		`http.request.uri.path contains "/7"`:                              Yes,
		`http.request.uri.path wildcard "/users/*.css"`:                    Yes,
		`http.request.uri.path.extension in {"css" "js"}`:                  Yes,
		`http.request.uri.path.extension in {"png"}`:                       No,
		`ends_with(upper(http.request.uri.path), ".CSS")`:                  Yes,
		`len(http.request.uri.path) ge 1`:                                  Yes,
		authorized:                                                         No,
		`any((http.request.headers["authorization"][*]) != r"")`:           No,
		`any(http.request.headers["authorization"][*] contains "Bearer")`:  Maybe,
		`any(http.request.headers["cookie"][*] contains "session")`:        Maybe,
		`http.host eq "example.com"`:                                       Maybe,
		`raw.http.request.uri.path contains "%"`:                           Maybe,
		`http.host eq "example.com" and http.request.uri.path eq "/"`:      No,
		`http.host eq "example.com" or http.request.uri.path contains "7"`: Yes,
		`not http.host eq "example.com"`:                                   Maybe,
		`not ssl`:                                                          Maybe,
		`true xor http.request.uri.path contains "7"`:                      No,
		`true xor ssl`:               Maybe,
		`(true and (false or true))`: Yes,
		`starts_with(http.request.uri.path, "a \"quoted\" \\ word")`: No,
		// What this package does not know is open, not the whole expression.
		`cf.bot_management.score lt 30 or http.request.uri.path contains "7"`:     Yes,
		`cf.bot_management.score lt 30 and http.request.uri.path contains "8"`:    No,
		`regex_replace(http.host, "a", "b") eq "b" or starts_with(http.host, "")`: Maybe,
		`http.request.uri.path matches "^/x"`:                                     Maybe,
		`starts_with(http.request.uri.path`:                                       Maybe,
		`http.request.uri.path`:                                                   Maybe,
		`http.request.uri.path eq 5`:                                              Maybe,
		`http.request.uri.path in {`:                                              Maybe,
		`any(`:                                                                    Maybe,
		`)`:                                                                       Maybe,
		``:                                                                        Maybe,
	} {
		require.Equal(t, want, Decide(expression, Known{Path: "/Users/7.CSS", Conditions: map[string]bool{authorized: false}}), expression)
	}
	require.Equal(t, Yes, Decide(authorized, Known{Path: "/", Conditions: map[string]bool{authorized: true}}))
}

// A verdict that is not Maybe is what the compiled expression says.
func FuzzDecide(f *testing.F) {
	f.Add(`(starts_with(lower(http.request.uri.path), "/api") or any(http.request.headers["authorization"][*] ne ""))`)
	f.Add(`not (http.request.uri.path.extension in {"css" "js"}) xor true`)
	f.Fuzz(func(t *testing.T, text string) {
		r := sample()
		verdict := Decide(text, Known{Path: r.Path, Conditions: map[string]bool{authorized: false}})
		if e, err := Compile(text); err == nil && verdict != Maybe {
			require.Equal(t, verdict == Yes, e.Matches(r))
		}
	})
}
