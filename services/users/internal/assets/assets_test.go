package assets

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func get(t *testing.T, a *Assets, path string, header map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	require.True(t, a.Serve(w, r), path)
	require.Empty(t, w.Header().Values("Set-Cookie"))
	return w
}

func TestEveryEmbeddedFile(t *testing.T) {
	a := Embedded()
	seen := map[string]bool{}
	for name, f := range a.files {
		folder, _, _ := strings.Cut(name[1:], "/")
		seen["/"+folder+"/"] = true
		w := get(t, a, name, nil)
		require.Equal(t, http.StatusOK, w.Code)
		require.Equal(t, f.content, w.Body.Bytes())
		require.Equal(t, f.kind, w.Header().Get("Content-Type"))
		require.Equal(t, folder, w.Header().Get("Cache-Tag"))
		if f.immutable {
			require.Contains(t, name, f.hash[:nameDigits])
			require.Equal(t, "public, max-age=31536000, immutable", w.Header().Get("Cache-Control"))
		} else {
			require.Contains(t, w.Header().Get("Cache-Control"), "public, max-age=300")
		}
		tag := w.Header().Get("ETag")
		require.Regexp(t, `^"[0-9a-f]{32}"$`, tag)
		require.Equal(t, http.StatusNotModified, get(t, a, name, map[string]string{"If-None-Match": tag}).Code)
		// An edge that compresses makes the tag weak, and asks with it.
		require.Equal(t, http.StatusNotModified, get(t, a, name, map[string]string{"If-None-Match": "W/" + tag}).Code)
	}
	for _, folder := range Folders() {
		require.True(t, seen[folder], folder)
	}
	require.Len(t, seen, len(Folders()), "a folder that the API does not serve: %v", seen)
}

func TestTypes(t *testing.T) {
	a := Embedded()
	for path, want := range map[string]string{
		"/static/app.css": "text/css; charset=utf-8", "/js/app.js": "text/javascript; charset=utf-8", "/images/logo.svg": "image/svg+xml",
	} {
		require.Equal(t, want, get(t, a, path, nil).Header().Get("Content-Type"))
	}
}

func TestRange(t *testing.T) {
	w := get(t, Embedded(), "/static/app.css", map[string]string{"Range": "bytes=0-4"})
	require.Equal(t, http.StatusPartialContent, w.Code)
	require.Equal(t, ":root", w.Body.String())
}

func TestOnlyItsOwnFiles(t *testing.T) {
	a := Embedded()
	for _, path := range []string{"/static/", "/static", "/static/none.css", "/static/app.css/", "/static/app.0000000000000000.css", "/static//app.css", "/STATIC/app.css"} {
		w := httptest.NewRecorder()
		require.False(t, a.Serve(w, httptest.NewRequest(http.MethodGet, path, nil)), path)
		require.Empty(t, w.Header(), path)
	}
}

func release(t *testing.T, content string) *Assets {
	t.Helper()
	a, err := load(fstest.MapFS{"static/a.css": {Data: []byte(content)}, "js/b.js": {Data: []byte("b")}})
	require.NoError(t, err)
	return a
}

func TestNameFollowsContent(t *testing.T) {
	before, after := release(t, "one").Manifest().Files, release(t, "two").Manifest().Files
	var added []string
	for name, file := range after {
		if before[name] != file {
			added = append(added, name)
		}
	}
	slices.Sort(added)
	require.Len(t, added, 2)
	require.Regexp(t, `^/static/a\.[0-9a-f]{16}\.css$`, added[0])
	require.Equal(t, "/static/a.css", added[1])
}

// The root module's internal/manifest reads the same file: both sides keep to
// one format.
func TestManifestFormat(t *testing.T) {
	want, err := os.ReadFile("testdata/manifest.json")
	require.NoError(t, err)
	var text bytes.Buffer
	require.NoError(t, release(t, "one").Manifest().Write(&text))
	require.Equal(t, string(want), text.String())
}

func TestUnknownTypeIsRefused(t *testing.T) {
	_, err := load(fstest.MapFS{"static/a.bin": {}})
	require.EqualError(t, err, `/static/a.bin: the content type of ".bin" is not known`)
}
