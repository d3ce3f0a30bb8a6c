package policy

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/edge/rules"
)

var (
	byDefault  = rules.Normalization{}
	cloudflare = rules.Normalization{Type: rules.NormalizeCloudflare}
)

// TestNormalizePath holds the rows of "URL normalization examples" with type
// RFC-3986, and what follows from "How URL normalization works".
func TestNormalizePath(t *testing.T) {
	for raw, want := range map[string]string{
		"/hello": "/hello", "/%68ello": "/hello", `/%68ello//pa\th`: "/hello//pa%5Cth",
		"/hello//../path": "/hello/path", `/hello/\../path`: "/hello/%5C../path",
		"/static/%2e%2e/users/1": "/users/1", "/static/..%2fusers": "/static/..%2Fusers", "/a/./b/.": "/a/b/",
		"/a/..": "/", "/../..": "/", "/a%zz": "/a%25zz", "/%c3%a9 é": "/%C3%A9%20%C3%A9", "/a;b,c": "/a;b,c", "*": "*",
	} {
		require.Equal(t, want, NormalizePath(raw, byDefault), raw)
		require.Equal(t, want, NormalizePath(want, byDefault), "again")
	}
}

// TestNormalizePathTheirWay holds the rows with type Cloudflare.
func TestNormalizePathTheirWay(t *testing.T) {
	for raw, want := range map[string]string{
		"/hello": "/hello", "/%68ello": "/hello", `/%68ello//pa\th`: "/hello/pa/th", "/hello//../path": "/path",
		`/hello/\../path`: "/path", `\\static///..//users`: "/users", "/static/%5c..": "/static/%5C..",
	} {
		require.Equal(t, want, NormalizePath(raw, cloudflare), raw)
		require.Equal(t, want, NormalizePath(want, cloudflare), "again")
	}
}

func FuzzNormalizePath(f *testing.F) {
	f.Add("/static/%2e%2e/..%2f//a;b")
	f.Fuzz(func(t *testing.T, raw string) {
		for _, n := range []rules.Normalization{byDefault, cloudflare} {
			once := NormalizePath("/"+raw, n)
			require.Equal(t, once, NormalizePath(once, n), "normalizing twice must change nothing")
			require.NotContains(t, once+"/", "/../")
		}
	})
}
