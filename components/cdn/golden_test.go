package cdn_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/cdn"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden are the edges whose rules the lab's edge emulator is tested with, by the folder that holds them.
var golden = map[string]*cdn.Args{
	"edge":            {ZoneID: zoneID},
	"edge-limited":    {ZoneID: zoneID, RateLimit: cdn.RateLimit{Enabled: pulumi.BoolRef(true)}},
	"edge-page-rules": {ZoneID: zoneID, Plan: cdn.PlanPro, Mode: cdn.ModePageRules, Hostname: "www.example.com"},
}

// applied are the kinds of resources that the edge reads, by type.
var applied = map[string]string{
	"cloudflare:index/ruleset:Ruleset":                                   "ruleset",
	"cloudflare:index/pageRule:PageRule":                                 "pageRule",
	"cloudflare:index/zoneSettingsOverride:ZoneSettingsOverride":         "zoneSettingsOverride",
	"cloudflare:index/urlNormalizationSettings:UrlNormalizationSettings": "urlNormalizationSettings",
}

// TestEdgeGolden keeps those files equal to what this package gives to the
// provider, in the form in which the lab records it.
//
//	go test ./components/cdn -run EdgeGolden -update
func TestEdgeGolden(t *testing.T) {
	for folder, args := range golden {
		dir := filepath.Join("testdata", folder, zone)
		if *update {
			require.NoError(t, os.RemoveAll(dir))
			require.NoError(t, os.MkdirAll(dir, 0o755))
		}
		files := recorded(deploy(t, args))
		for kind, resources := range files {
			got, err := json.MarshalIndent(map[string]any{"zone": zone, "kind": kind, "resources": resources}, "", "  ")
			require.NoError(t, err)
			path := filepath.Join(dir, kind+".json")
			if *update {
				require.NoError(t, os.WriteFile(path, append(got, '\n'), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.JSONEq(t, string(want), string(got),
				"the rules changed: look at the attack tests in internal/edge/cache, then run this test with -update")
		}
		there, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, there, len(files), folder)
	}
}

// recorded sorts what was registered into the files of the lab.
func recorded(seen map[string]resource.PropertyMap) map[string]map[string]any {
	files := map[string]map[string]any{}
	for key, properties := range seen {
		token, name, _ := strings.Cut(key, " ")
		kind, read := applied[token]
		if !read {
			continue
		}
		if files[kind] == nil {
			files[kind] = map[string]any{}
		}
		files[kind][name] = map[string]any{"properties": properties.Mappable()}
	}
	return files
}
