package cdn

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExpressions(t *testing.T) {
	for want, r := range map[string]Rule{
		`starts_with(http.request.uri.path, "/static/")`:                                             {Path: "/static/*"},
		`http.request.uri.path eq "/favicon.ico"`:                                                    {Path: "/favicon.ico"},
		`http.request.uri.path.extension in {"css" "js"}`:                                            {Extensions: []string{"css", "js"}},
		`(starts_with(http.request.uri.path, "/a/") and http.request.uri.path.extension in {"css"})`: {Path: "/a/*", Extensions: []string{"css"}},
		`http.request.uri.path eq "/a\" or http.host eq \"x\\"`:                                      {Path: `/a" or http.host eq "x\`},
	} {
		require.Equal(t, want, r.expression())
	}
}

func TestBypassMatchesWhateverTheCase(t *testing.T) {
	a := (&Args{ZoneID: zone, BypassPrefixes: []string{"/orders"}}).withDefaults()
	all := bypassRules(a)
	require.Len(t, all, 2)
	for _, prefix := range append(AlwaysBypassed(), "/orders") {
		require.Contains(t, all[0].expression+all[1].expression, `starts_with(lower(http.request.uri.path), "`+prefix+`")`)
	}
	require.Contains(t, all[1].expression, "authorization")
}

// A path is data: whatever it holds, it stays inside its string.
func FuzzLiteral(f *testing.F) {
	f.Add(`/a" or true or "`)
	f.Add(`\`)
	f.Fuzz(func(t *testing.T, s string) {
		quoted := literal(s)
		inside := quoted[1 : len(quoted)-1]
		for i := 0; i < len(inside); i++ {
			require.NotEqual(t, byte('"'), inside[i], "an unescaped quote ends the string early")
			if inside[i] == '\\' {
				i++
				require.Less(t, i, len(inside), "a lone backslash would escape the closing quote")
			}
		}
	})
}
