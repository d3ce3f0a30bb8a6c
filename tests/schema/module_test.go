package schema

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// release is a version whose schemas are used, pinned by the sum of its Go module.
type release struct{ version, sum string }

var releases = []release{
	{"1.29.6", "h1:jn8kA/oVOAWZOeoorx6xZ4d+KgGp+Evgi90x9bEI/DE="}, // oldest supported minor version
	{"1.37.2", "h1:A2VDEiObzkYqFTKhSsn0ZEb0RlLEXpHWj93gi2HqEwE="}, // newest that the Go registry had
}

// openAPI is the folder of a release's OpenAPI documents.
func openAPI(t *testing.T, r release) string {
	t.Helper()
	return filepath.Join(r.module(t, "k8s.io/kubernetes"), "api", "openapi-spec", "v3")
}

// module fetches a module of the release, once per machine, and returns its folder.
func (r release) module(t *testing.T, path string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", path+"@v"+r.version)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err, string(out))
	var module struct{ Dir, Sum string }
	require.NoError(t, json.Unmarshal(out, &module))
	require.Equal(t, r.sum, module.Sum, "the module is not the one that was reviewed")
	return module.Dir
}
