package policy

import (
	"testing"

	"github.com/stretchr/testify/require"
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
		require.Equal(t, want, NormalizePath(raw), raw)
		require.Equal(t, want, NormalizePath(want), "again")
	}
}

func FuzzNormalizePath(f *testing.F) {
	f.Add("/static/%2e%2e/..%2f//a;b")
	f.Fuzz(func(t *testing.T, raw string) {
		once := NormalizePath("/" + raw)
		require.Equal(t, once, NormalizePath(once), "normalizing twice must change nothing")
		require.NotContains(t, once+"/", "/../")
	})
}
