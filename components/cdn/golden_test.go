package cdn_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/cdn"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestEdgeGolden keeps the files that the lab's stand-in for Cloudflare's edge
// is tested with equal to what this package gives to the provider, in the form
// in which the lab records it.
//
//	go test ./components/cdn -run EdgeGolden -update
func TestEdgeGolden(t *testing.T) {
	seen := deploy(t, &cdn.Args{ZoneID: zone})
	for token, kind := range map[string]string{
		"cloudflare:index/ruleset:Ruleset cdn-cache-rules":                             "ruleset",
		"cloudflare:index/zoneSettingsOverride:ZoneSettingsOverride cdn-zone-settings": "zoneSettingsOverride",
	} {
		got, err := json.MarshalIndent(map[string]any{
			"zone": zone, "kind": kind,
			"resources": map[string]any{"golden": map[string]any{"properties": seen[token].Mappable()}},
		}, "", "  ")
		require.NoError(t, err)
		path := filepath.Join("testdata", "edge", zone, kind+".json")
		if *update {
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, append(got, '\n'), 0o644))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(got),
			"the rules changed: look at the edge's attack tests in lab/edge, then run this test with -update")
	}
}
