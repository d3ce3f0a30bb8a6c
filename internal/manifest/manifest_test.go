package manifest_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/manifest"
)

var (
	one = strings.Repeat("1", 64)
	two = strings.Repeat("2", 64)
)

func release(files map[string]manifest.File) *manifest.Manifest {
	return &manifest.Manifest{Format: manifest.Format, Files: files}
}

func TestRoundTrip(t *testing.T) {
	m := release(map[string]manifest.File{"/static/app.css": {SHA256: one}, "/static/app.1111.css": {SHA256: one, Immutable: true}})
	var text bytes.Buffer
	require.NoError(t, m.Write(&text))
	got, err := manifest.Read(&text)
	require.NoError(t, err)
	require.Equal(t, m, got)
}

// What the user service writes.
func TestAServicesManifestIsRead(t *testing.T) {
	file, err := os.Open("../../services/users/internal/assets/testdata/manifest.json")
	require.NoError(t, err)
	defer file.Close()
	m, err := manifest.Read(file)
	require.NoError(t, err)
	require.Len(t, m.Files, 4)
	require.NotEmpty(t, m.Files["/static/a.css"].SHA256)
}

func TestReadRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:                                           "is not a manifest: EOF",
		`{"format":1,"extra":1}`:                     `is not a manifest: json: unknown field "extra"`,
		`{"format":1}{"format":1}`:                   "holds more than one manifest",
		`{"files":{}}`:                               "format: 0 is not 1",
		`{"format":1,"files":{"a.css":{}}}`:          `files: "a.css" is not a path such as /static/app.css`,
		`{"format":1,"files":{"/a?b":{}}}`:           `files: "/a?b" is not a path such as /static/app.css`,
		`{"format":1,"files":{"/../b":{}}}`:          `files: "/../b" is not a path such as /static/app.css`,
		`{"format":1,"files":{"/a":{"sha256":"x"}}}`: `files["/a"].sha256: "x" is not 64 hexadecimal digits`,
	} {
		_, err := manifest.Read(strings.NewReader(text))
		require.EqualError(t, err, want, text)
	}
}

func TestStale(t *testing.T) {
	before := release(map[string]manifest.File{
		"/same": {SHA256: one}, "/changed": {SHA256: one}, "/removed": {SHA256: one}, "/kept.1111": {SHA256: one, Immutable: true},
	})
	after := release(map[string]manifest.File{
		"/same": {SHA256: one}, "/changed": {SHA256: two}, "/added": {SHA256: two}, "/added.2222": {SHA256: two, Immutable: true},
	})
	require.Equal(t, []string{"/added", "/added.2222", "/changed", "/removed"}, manifest.Stale(before, after))
	require.Empty(t, manifest.Stale(after, after))
}
