package cloudflare_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the component gives to the provider passes its checks, and a second
// preview finds no difference: with cache rules, a rate limit and page rules.
func TestTheComponentsInputsAreAccepted(t *testing.T) {
	files, err := filepath.Glob("../../../components/cdn/testdata/edge*/*/*.json")
	require.NoError(t, err)
	require.Len(t, files, 7)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var golden struct {
			Resources map[string]struct{ Properties props }
		}
		require.NoError(t, json.Unmarshal(text, &golden))
		kind := strings.TrimSuffix(filepath.Base(file), ".json")
		for name, resource := range golden.Resources {
			x, _ := typeOf(t, strings.ToUpper(kind[:1])+kind[1:])
			require.Empty(t, x.Check(resource.Properties), "%s: %s", file, name)
			_, state := x.Create(resource.Properties)
			require.Empty(t, x.Diff(state, resource.Properties), "%s: %s", file, name)
		}
	}
}
