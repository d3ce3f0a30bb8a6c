//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// registered is a resource of a golden file.
type registered struct {
	URN    string
	Type   string
	Inputs map[string]any
}

// golden returns what the program registers for an environment: all of dev, as
// its file has it, or dev with the differences that the environment's file has.
func golden(t *testing.T, env string) []registered {
	t.Helper()
	var base []registered
	readGolden(t, "dev", &base)
	if env == "dev" {
		return base
	}
	var differences struct {
		Removed []string
		Added   []registered
		Changed map[string]map[string]any
	}
	readGolden(t, env, &differences)
	all := differences.Added
	for _, one := range base {
		if slices.Contains(differences.Removed, one.URN) {
			continue
		}
		if patch, ok := differences.Changed[one.URN]["inputs"].(map[string]any); ok {
			merge(one.Inputs, patch)
		}
		all = append(all, one)
	}
	return all
}

func readGolden(t *testing.T, env string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "golden", env+".yaml"))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, into))
}

// merge applies a JSON merge patch (RFC 7386).
func merge(object, patch map[string]any) {
	for name, value := range patch {
		members, isObject := object[name].(map[string]any)
		changed, patchesObject := value.(map[string]any)
		switch {
		case value == nil:
			delete(object, name)
		case isObject && patchesObject:
			merge(members, changed)
		default:
			object[name] = value
		}
	}
}
