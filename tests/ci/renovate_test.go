package ci

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A version that moved to another file, or is written in another way, would
// never be updated again: each pattern of renovate.json has to find its own.
func TestRenovateFindsTheVersions(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(root, "renovate.json"))
	require.NoError(t, err)
	var config struct {
		CustomManagers []struct{ ManagerFilePatterns, MatchStrings []string }
	}
	require.NoError(t, json.Unmarshal(content, &config))
	require.NotEmpty(t, config.CustomManagers)
	for _, manager := range config.CustomManagers {
		for _, pattern := range manager.ManagerFilePatterns {
			file := regexp.MustCompile(strings.Trim(pattern, "/"))
			for _, match := range manager.MatchStrings {
				require.True(t, found(t, file, regexp.MustCompile(match)), "%s finds nothing in %s", match, pattern)
			}
		}
	}
}

// found is true if a file of the checkout whose path matches holds a match.
func found(t *testing.T, file, version *regexp.Regexp) bool {
	t.Helper()
	any := false
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == ".git" || entry.Name() == ".lab") {
			return filepath.SkipDir
		}
		name, err := filepath.Rel(root, path)
		if err != nil || entry.IsDir() || !file.MatchString(name) {
			return err
		}
		content, err := os.ReadFile(path)
		any = any || version.Match(content)
		return err
	}))
	return any
}
